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
}

impl From<ErrorCode> for ProduceError {
    fn from(code: ErrorCode) -> Self {
        ProduceError {
            code,
            message: None,
            records: Vec::new(),
        }
    }
}

impl From<CheckError> for ProduceError {
    fn from(error: CheckError) -> Self {
        let code = match &error {
            CheckError::InvalidRecord(_)
            | CheckError::BrokenRecords(_)
            | CheckError::InvalidRecords(_) => ErrorCode::InvalidRecord,
            CheckError::TooLarge { .. } | CheckError::InflatesTooLarge { .. } => {
                ErrorCode::MessageTooLarge
            }
            CheckError::Corrupt(_) => ErrorCode::CorruptMessage,
            CheckError::UnsupportedCompression(_) => ErrorCode::UnsupportedCompressionType,
            CheckError::ClientSetLogAppendTime | CheckError::InvalidTimestamps(_) => {
                ErrorCode::InvalidTimestamp
            }
        };
        let message = Some(error.to_string());
        let records = match error {
            CheckError::InvalidTimestamps(records) | CheckError::InvalidRecords(records) => records,
            _ => Vec::new(),
        };
        ProduceError {
            code,
            message,
            records,
        }
    }
}

impl From<AppendError> for ProduceError {
    fn from(error: AppendError) -> Self {
        append_error(&error).into()
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
