//! The one map from what can go wrong below to Kafka's error codes.
//!
//! Whether something is an error at all is decided where it happens; which number a client reads is
//! decided here, in state machines and in handlers, nowhere else.

use ottla_protocol::ErrorCode;
use ottla_protocol::records::{CheckError, RecordError};
use ottla_replication::{AppendError, DeleteRecordsError};
use ottla_storage::{ReadError, Rejection};

/// What a producer is told about a batch that was not appended.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct ProduceError {
    pub(crate) code: ErrorCode,
    /// For people; sent where the version has a place for it.
    pub(crate) message: Option<String>,
    /// The records that are to blame, if single ones are.
    pub(crate) records: Vec<RecordError>,
    /// Where the log begins, which is told with what is wrong with records; else −1.
    pub(crate) log_start_offset: i64,
}

impl From<ErrorCode> for ProduceError {
    fn from(code: ErrorCode) -> Self {
        ProduceError {
            code,
            message: None,
            records: Vec::new(),
            log_start_offset: -1,
        }
    }
}

impl ProduceError {
    /// What is wrong with a batch for a log that begins there.
    pub(crate) fn of(error: CheckError, log_start_offset: i64) -> ProduceError {
        let code = match &error {
            CheckError::NotOneBatch(_)
            | CheckError::InvalidRecord(_)
            | CheckError::InflatesTooLarge { .. }
            | CheckError::BrokenRecords(_)
            | CheckError::InvalidRecords(_) => ErrorCode::InvalidRecord,
            CheckError::TooLarge { .. } => ErrorCode::MessageTooLarge,
            CheckError::Corrupt(_) => ErrorCode::CorruptMessage,
            CheckError::ZstdTooEarly | CheckError::UnsupportedCompression(_) => {
                ErrorCode::UnsupportedCompressionType
            }
            CheckError::InvalidTimestamps(_) => ErrorCode::InvalidTimestamp,
        };
        let message = Some(error.to_string());
        // What is wrong with the batch as such is found before the log is looked at.
        let log_start_offset = match &error {
            CheckError::InvalidRecord(_)
            | CheckError::InflatesTooLarge { .. }
            | CheckError::BrokenRecords(_)
            | CheckError::InvalidTimestamps(_)
            | CheckError::InvalidRecords(_)
            | CheckError::UnsupportedCompression(_) => log_start_offset,
            CheckError::NotOneBatch(_)
            | CheckError::TooLarge { .. }
            | CheckError::Corrupt(_)
            | CheckError::ZstdTooEarly => -1,
        };
        let records = match error {
            CheckError::InvalidTimestamps(records) | CheckError::InvalidRecords(records) => records,
            _ => Vec::new(),
        };
        ProduceError {
            code,
            message,
            records,
            log_start_offset,
        }
    }
}

/// What became of a proposal.
pub(crate) fn append_error(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::NotLeader => ErrorCode::NotLeaderOrFollower,
        AppendError::Rejected(rejection) => match rejection {
            Rejection::StaleProducerEpoch { .. } => ErrorCode::InvalidProducerEpoch,
            Rejection::OutOfOrderSequence { .. } => ErrorCode::OutOfOrderSequenceNumber,
            Rejection::TransactionOpen { .. } => ErrorCode::InvalidTxnState,
            Rejection::StaleCoordinatorEpoch { .. } => ErrorCode::TransactionCoordinatorFenced,
            // The log moved under a proposal that said where it must go; trying again is right.
            Rejection::ConditionFailed => ErrorCode::NotLeaderOrFollower,
        },
        // Retriable, and it clears by itself: what a client should do is come back.
        AppendError::DiskFull(_) | AppendError::Busy => ErrorCode::NotEnoughReplicas,
        // It may have been appended: retriable, and an idempotent producer is safe either way.
        AppendError::OutcomeUnknown => ErrorCode::NotLeaderOrFollower,
    }
}

pub(crate) fn read_error(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        ReadError::Io(_) => ErrorCode::KafkaStorageError,
    }
}

pub(crate) fn delete_records_error(error: &DeleteRecordsError) -> ErrorCode {
    match error {
        DeleteRecordsError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        DeleteRecordsError::Append(error) => append_error(error),
    }
}
