//! The 16 attribute bits of a batch header.
//!
//! | bits | meaning |
//! |---|---|
//! | 0–2 | compression codec |
//! | 3 | timestamp type: 0 create time, 1 log append time |
//! | 4 | transactional |
//! | 5 | control batch |
//! | 6 | base timestamp is a delete horizon (KIP-534) |
//! | 7–15 | unused |

use super::Compression;

const COMPRESSION_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// Attribute bits of a batch, as they stand in its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attributes(pub i16);

/// What the timestamps of a batch mean (KIP-32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// Set by the producer, record by record.
    #[default]
    CreateTime,
    /// Set by the broker: the batch's max timestamp holds for all its records.
    LogAppendTime,
}

impl Attributes {
    /// Attributes of an ordinary batch with this codec.
    pub fn new(compression: Compression) -> Attributes {
        Attributes(compression.id())
    }

    /// The codec, or `None` for an id that is not assigned (5–7).
    pub fn compression(self) -> Option<Compression> {
        Compression::from_id(self.0 & COMPRESSION_MASK)
    }

    /// Which clock the timestamps come from.
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & LOG_APPEND_TIME != 0 {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// Part of a transaction.
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Control batch: transaction markers, and the raft-only frames of the storage format.
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// The base timestamp is the time from which tombstones may go.
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// The same with another codec.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Attributes {
        Attributes((self.0 & !COMPRESSION_MASK) | compression.id())
    }

    /// The same with another timestamp type.
    #[must_use]
    pub fn with_timestamp_type(self, kind: TimestampType) -> Attributes {
        self.with(LOG_APPEND_TIME, kind == TimestampType::LogAppendTime)
    }

    /// The same with the transactional bit set or cleared.
    #[must_use]
    pub fn with_transactional(self, on: bool) -> Attributes {
        self.with(TRANSACTIONAL, on)
    }

    /// The same with the control bit set or cleared.
    #[must_use]
    pub fn with_control(self, on: bool) -> Attributes {
        self.with(CONTROL, on)
    }

    /// The same with the delete horizon bit set or cleared.
    #[must_use]
    pub fn with_delete_horizon(self, on: bool) -> Attributes {
        self.with(DELETE_HORIZON, on)
    }

    fn with(self, bit: i16, on: bool) -> Attributes {
        Attributes(if on { self.0 | bit } else { self.0 & !bit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_set_and_cleared_one_by_one() {
        let attributes = Attributes::new(Compression::Lz4)
            .with_timestamp_type(TimestampType::LogAppendTime)
            .with_transactional(true)
            .with_control(true);
        assert_eq!(attributes.0, 0x3b);
        assert_eq!(attributes.compression(), Some(Compression::Lz4));
        let plain = attributes
            .with_compression(Compression::None)
            .with_timestamp_type(TimestampType::CreateTime)
            .with_transactional(false)
            .with_control(false);
        assert_eq!(plain, Attributes(0));
    }

    #[test]
    fn unassigned_codecs_are_none() {
        assert_eq!(Attributes(5).compression(), None);
        assert_eq!(Attributes(7).compression(), None);
    }
}
