//! Where a partition is read, and what a broker's answer means for it. Pure.

use ottla_protocol::ErrorCode;
use ottla_protocol::records::{BatchError, Batches};
use tokio::time::Instant;

use super::config::{ConsumerConfig, OutOfRange, StartFrom};
use super::error::ConsumeError;
use super::fetched::Fetched;
use super::request::PartitionAnswer;
use super::visible::Visibility;
use crate::admin::FoundOffset;
use crate::error::ClientError;
use crate::partition::{OffsetSpec, TopicPartition};

/// One partition's place.
#[derive(Debug)]
pub(super) struct Cursor {
    partition: TopicPartition,
    place: Place,
    failures: u32,
    not_before: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// To be found out.
    Unknown(OffsetSpec),
    /// Being found out.
    Asked(OffsetSpec),
    /// Known; nothing is under way.
    At(i64),
    /// Known, and being fetched.
    Fetching(i64),
    /// Not read on.
    Stopped,
}

/// What an answer leaves to be done.
#[derive(Debug)]
pub(super) enum Next {
    /// Nothing: there was nothing new.
    Nothing,
    /// Hand this out.
    Hand(Fetched),
    /// The leader is in doubt: look at the metadata before the next attempt.
    Doubt,
    /// Tell the error; the cursor has stopped.
    Tell(ConsumeError),
}

impl Cursor {
    pub(super) fn new(partition: TopicPartition, start: StartFrom) -> Self {
        Cursor {
            partition,
            place: start.resolve().map_or_else(Place::Unknown, Place::At),
            failures: 0,
            not_before: None,
        }
    }

    pub(super) fn partition(&self) -> &TopicPartition {
        &self.partition
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.place == Place::Stopped
    }

    /// The offset to find out, which is now being asked for.
    pub(super) fn ask(&mut self) -> Option<OffsetSpec> {
        let Place::Unknown(spec) = self.place else {
            return None;
        };
        self.place = Place::Asked(spec);
        Some(spec)
    }

    /// Whether the partition can be fetched now.
    pub(super) fn is_ready(&self, now: Instant) -> bool {
        matches!(self.place, Place::At(_)) && self.not_before.is_none_or(|moment| moment <= now)
    }

    /// The offset to fetch from, which is now being fetched.
    pub(super) fn fetch(&mut self) -> Option<i64> {
        let Place::At(offset) = self.place else {
            return None;
        };
        self.place = Place::Fetching(offset);
        Some(offset)
    }

    /// When the cursor can be fetched again, if it waits.
    pub(super) fn next_moment(&self, now: Instant) -> Option<Instant> {
        self.not_before
            .filter(|&moment| moment > now && matches!(self.place, Place::At(_)))
    }

    /// Takes the answer to a question about an offset.
    pub(super) fn found(&mut self, found: Result<FoundOffset, ClientError>) -> Next {
        let Place::Asked(spec) = self.place else {
            return Next::Nothing;
        };
        match found {
            Ok(found) if found.offset >= 0 => self.place = Place::At(found.offset),
            // No record is that late: the next one to come is.
            Ok(_) if spec != OffsetSpec::Latest => self.place = Place::Unknown(OffsetSpec::Latest),
            Ok(_) => self.place = Place::At(0),
            Err(error) => {
                return self.stop(|partition| ConsumeError::Lookup { partition, error });
            }
        }
        Next::Nothing
    }

    /// The fetch failed as a whole; it is tried again.
    pub(super) fn lost(&mut self, retry_at: Instant) {
        if let Place::Fetching(offset) = self.place {
            self.place = Place::At(offset);
            self.failures = self.failures.saturating_add(1);
            self.not_before = Some(retry_at);
        }
    }

    /// Attempts that failed since the last that did not.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Topic or partition cannot be found.
    pub(super) fn is_missing(&mut self, error: ClientError) -> Next {
        self.stop(|partition| ConsumeError::Lookup { partition, error })
    }

    /// Takes what the leader said about this partition.
    pub(super) fn answered(
        &mut self,
        answer: PartitionAnswer,
        config: &ConsumerConfig,
        retry_at: Instant,
    ) -> Next {
        let Place::Fetching(offset) = self.place else {
            return Next::Nothing;
        };
        match answer.code {
            ErrorCode::None => self.read(offset, answer, config),
            ErrorCode::OffsetOutOfRange => self.out_of_range(offset, config.out_of_range),
            code if puts_leader_in_doubt(code) => {
                self.lost(retry_at);
                Next::Doubt
            }
            code if code.retriable() => {
                self.lost(retry_at);
                Next::Nothing
            }
            code => self.stop(|partition| ConsumeError::Refused { partition, code }),
        }
    }

    fn out_of_range(&mut self, offset: i64, policy: OutOfRange) -> Next {
        let spec = match policy {
            OutOfRange::Earliest => OffsetSpec::Earliest,
            OutOfRange::Latest => OffsetSpec::Latest,
            OutOfRange::Fail => {
                return self.stop(|partition| ConsumeError::OutOfRange { partition, offset });
            }
        };
        tracing::info!(partition = %self.partition, offset, ?policy, "the log does not have this offset; going on elsewhere");
        self.place = Place::Unknown(spec);
        Next::Nothing
    }

    fn read(&mut self, offset: i64, answer: PartitionAnswer, config: &ConsumerConfig) -> Next {
        self.failures = 0;
        self.not_before = None;
        let mut visibility = Visibility::new(config.isolation, answer.aborted);
        let (mut next_offset, mut seen) = (offset, Vec::new());
        for batch in Batches(answer.records) {
            let batch = match batch {
                Ok(batch) => batch,
                // The size limit may cut the last batch.
                Err(BatchError::Truncated { .. }) if next_offset > offset => break,
                Err(error) => return self.corrupt(next_offset, error.to_string()),
            };
            if config.check_crcs
                && let Err(error) = batch.verify_crc()
            {
                return self.corrupt(next_offset, error.to_string());
            }
            let is_seen = visibility.shows(&batch);
            if batch.header.next_offset() <= offset {
                continue;
            }
            next_offset = batch.header.next_offset();
            if is_seen {
                seen.push(batch);
            }
        }
        self.place = Place::At(next_offset);
        if next_offset == offset {
            return Next::Nothing;
        }
        Next::Hand(Fetched {
            partition: self.partition.clone(),
            next_offset,
            high_watermark: answer.high_watermark,
            last_stable_offset: answer.last_stable_offset,
            log_start_offset: answer.log_start_offset,
            from_offset: offset,
            batches: seen,
        })
    }

    fn corrupt(&mut self, offset: i64, reason: String) -> Next {
        self.stop(|partition| ConsumeError::Corrupt {
            partition,
            offset,
            reason,
        })
    }

    fn stop(&mut self, error: impl FnOnce(TopicPartition) -> ConsumeError) -> Next {
        self.place = Place::Stopped;
        Next::Tell(error(self.partition.clone()))
    }
}

fn puts_leader_in_doubt(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::NotLeaderOrFollower
            | ErrorCode::LeaderNotAvailable
            | ErrorCode::ReplicaNotAvailable
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnknownTopicId
            | ErrorCode::InconsistentTopicId
            | ErrorCode::FencedLeaderEpoch
            | ErrorCode::UnknownLeaderEpoch
            | ErrorCode::KafkaStorageError
    )
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use ottla_protocol::records::{BatchBuilder, Compression};

    use super::*;

    fn cursor(start: StartFrom) -> Cursor {
        Cursor::new(TopicPartition::new("t", 0), start)
    }

    fn records(base_offset: i64, count: usize) -> Vec<u8> {
        let mut builder = BatchBuilder::new(Compression::None);
        for _ in 0..count {
            builder.push(0, None, Some(b"v"), &[]);
        }
        let mut batch = builder.build().unwrap();
        batch.header.base_offset = base_offset;
        batch.to_bytes().to_vec()
    }

    fn answer(code: ErrorCode, records: Vec<u8>) -> PartitionAnswer {
        PartitionAnswer {
            code,
            high_watermark: 100,
            last_stable_offset: 100,
            log_start_offset: 0,
            aborted: Vec::new(),
            records: Bytes::from(records),
        }
    }

    fn answered(cursor: &mut Cursor, answer: PartitionAnswer, config: &ConsumerConfig) -> Next {
        cursor.answered(answer, config, Instant::now())
    }

    fn found(offset: i64) -> Result<FoundOffset, ClientError> {
        Ok(FoundOffset {
            offset,
            timestamp: -1,
            leader_epoch: -1,
        })
    }

    #[test]
    fn reading_goes_on_behind_what_was_read() {
        let mut cursor = cursor(StartFrom::Offset(11));
        assert_eq!(cursor.fetch(), Some(11));
        let bytes = [records(10, 3), records(13, 2)].concat();
        let Next::Hand(fetched) = answered(
            &mut cursor,
            answer(ErrorCode::None, bytes),
            &ConsumerConfig::default(),
        ) else {
            panic!("there were records");
        };
        assert_eq!((fetched.records().count(), fetched.next_offset), (4, 15));
        assert_eq!(cursor.fetch(), Some(15));
    }

    #[test]
    fn a_cut_batch_at_the_end_is_left_for_the_next_fetch() {
        let mut cursor = cursor(StartFrom::Offset(0));
        cursor.fetch();
        let mut bytes = [records(0, 1), records(1, 1)].concat();
        bytes.pop();
        let next = answered(
            &mut cursor,
            answer(ErrorCode::None, bytes),
            &ConsumerConfig::default(),
        );
        assert!(matches!(next, Next::Hand(Fetched { next_offset: 1, .. })));
    }

    #[test]
    fn nothing_new_is_nothing_and_the_place_stays() {
        let mut cursor = cursor(StartFrom::Offset(7));
        cursor.fetch();
        let next = answered(
            &mut cursor,
            answer(ErrorCode::None, vec![]),
            &ConsumerConfig::default(),
        );
        assert!(matches!(next, Next::Nothing));
        assert_eq!(cursor.fetch(), Some(7));
    }

    #[test]
    fn a_wrong_checksum_stops_the_partition_unless_nobody_looks() {
        let mut bytes = records(0, 1);
        *bytes.last_mut().unwrap() ^= 1;
        let mut config = ConsumerConfig::default();
        let mut strict = cursor(StartFrom::Offset(0));
        strict.fetch();
        let next = answered(&mut strict, answer(ErrorCode::None, bytes.clone()), &config);
        assert!(matches!(next, Next::Tell(ConsumeError::Corrupt { .. })));
        assert!(strict.is_stopped());
        config.check_crcs = false;
        let mut lax = cursor(StartFrom::Offset(0));
        lax.fetch();
        assert!(matches!(
            answered(&mut lax, answer(ErrorCode::None, bytes), &config),
            Next::Hand(_)
        ));
    }

    #[test]
    fn an_offset_out_of_range_is_looked_up_anew_or_an_error() {
        let refusal = || answer(ErrorCode::OffsetOutOfRange, vec![]);
        let mut config = ConsumerConfig {
            out_of_range: OutOfRange::Earliest,
            ..ConsumerConfig::default()
        };
        let mut moving = cursor(StartFrom::Offset(500));
        moving.fetch();
        answered(&mut moving, refusal(), &config);
        assert_eq!(moving.ask(), Some(OffsetSpec::Earliest));
        config.out_of_range = OutOfRange::Fail;
        let mut failing = cursor(StartFrom::Offset(500));
        failing.fetch();
        let next = answered(&mut failing, refusal(), &config);
        assert!(matches!(
            next,
            Next::Tell(ConsumeError::OutOfRange { offset: 500, .. })
        ));
    }

    #[test]
    fn a_leader_that_moved_is_looked_for_after_a_wait() {
        let mut cursor = cursor(StartFrom::Offset(0));
        cursor.fetch();
        let now = Instant::now();
        let later = now + std::time::Duration::from_secs(1);
        let next = cursor.answered(
            answer(ErrorCode::NotLeaderOrFollower, vec![]),
            &ConsumerConfig::default(),
            later,
        );
        assert!(matches!(next, Next::Doubt));
        assert!(!cursor.is_ready(now) && cursor.is_ready(later));
    }

    #[test]
    fn a_timestamp_behind_all_records_means_the_next_to_come() {
        let mut cursor = cursor(StartFrom::Timestamp(5));
        assert_eq!(cursor.ask(), Some(OffsetSpec::Timestamp(5)));
        cursor.found(found(-1));
        assert_eq!(cursor.ask(), Some(OffsetSpec::Latest));
        cursor.found(found(42));
        assert_eq!(cursor.fetch(), Some(42));
    }

    #[test]
    fn other_errors_stop_the_partition() {
        let mut cursor = cursor(StartFrom::Offset(0));
        cursor.fetch();
        let refusal = answer(ErrorCode::TopicAuthorizationFailed, vec![]);
        let next = answered(&mut cursor, refusal, &ConsumerConfig::default());
        assert!(matches!(next, Next::Tell(ConsumeError::Refused { .. })));
    }
}
