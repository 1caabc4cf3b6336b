//! The fixed head of a batch. All integers are big-endian.
//!
//! | at | bytes | field | covered by the CRC |
//! |---|---|---|---|
//! | 0 | 8 | base offset | no |
//! | 8 | 4 | batch length: bytes after this field | no |
//! | 12 | 4 | partition leader epoch | no |
//! | 16 | 1 | magic, 2 | no |
//! | 17 | 4 | CRC-32C of everything from byte 21 on | – |
//! | 21 | 2 | attributes | yes |
//! | 23 | 4 | last offset delta | yes |
//! | 27 | 8 | base timestamp, or delete horizon | yes |
//! | 35 | 8 | max timestamp | yes |
//! | 43 | 8 | producer id | yes |
//! | 51 | 2 | producer epoch | yes |
//! | 53 | 4 | base sequence | yes |
//! | 57 | 4 | record count | yes |
//!
//! Base offset and leader epoch lie outside the CRC, so the log assigns them without touching data.

use super::Attributes;

/// Bytes of the fixed head.
pub const HEADER_LEN: usize = 61;
/// The only record format served (KIP-724 removed 0 and 1).
pub const MAGIC: i8 = 2;
/// Producer id of a batch without idempotence.
pub const NO_PRODUCER_ID: i64 = -1;
/// Producer epoch of a batch without idempotence.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// Base sequence of a batch without idempotence.
pub const NO_SEQUENCE: i32 = -1;

/// Bytes before and including the batch length field, which that field does not count.
pub(crate) const LENGTH_PREFIX: usize = 12;
/// Where the CRC's coverage begins.
const CRC_FROM: usize = 21;

/// The head of a batch, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// Kafka offset of the first record.
    pub base_offset: i64,
    /// Bytes that follow the length field: `HEADER_LEN - 12 + payload`.
    pub batch_length: i32,
    /// Leader epoch that appended the batch; −1 from a client.
    pub partition_leader_epoch: i32,
    /// Format version.
    pub magic: i8,
    /// CRC-32C (Castagnoli) of all bytes from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type, transactional and control bits.
    pub attributes: Attributes,
    /// Last record's offset minus the base offset.
    pub last_offset_delta: i32,
    /// Timestamp of the first record, ms since the epoch, or −1.
    pub base_timestamp: i64,
    /// Largest timestamp of the batch, ms since the epoch, or −1.
    pub max_timestamp: i64,
    /// Producer id, or −1.
    pub producer_id: i64,
    /// Producer epoch, or −1.
    pub producer_epoch: i16,
    /// Sequence number of the first record, or −1.
    pub base_sequence: i32,
    /// Number of records.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the head from the front of `bytes`; `None` if it is shorter than a head.
    /// Checks nothing: a header may claim anything.
    pub fn parse(bytes: &[u8]) -> Option<BatchHeader> {
        let b: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        Some(BatchHeader {
            base_offset: i64::from_be_bytes(at(b, 0)),
            batch_length: i32::from_be_bytes(at(b, 8)),
            partition_leader_epoch: i32::from_be_bytes(at(b, 12)),
            magic: b[16] as i8,
            crc: u32::from_be_bytes(at(b, 17)),
            attributes: Attributes(i16::from_be_bytes(at(b, 21))),
            last_offset_delta: i32::from_be_bytes(at(b, 23)),
            base_timestamp: i64::from_be_bytes(at(b, 27)),
            max_timestamp: i64::from_be_bytes(at(b, 35)),
            producer_id: i64::from_be_bytes(at(b, 43)),
            producer_epoch: i16::from_be_bytes(at(b, 51)),
            base_sequence: i32::from_be_bytes(at(b, 53)),
            record_count: i32::from_be_bytes(at(b, 57)),
        })
    }

    /// The head as it stands on disk and on the wire.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut b = [0; HEADER_LEN];
        b[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        b[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        b[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        b[16] = self.magic as u8;
        b[17..21].copy_from_slice(&self.crc.to_be_bytes());
        b[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        b[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        b[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        b[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        b[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        b[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        b[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        b[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        b
    }

    /// The CRC that this head with this payload should carry.
    pub fn crc_with(&self, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(&self.encode()[CRC_FROM..]), payload)
    }

    /// Bytes of the whole batch, head included, as the length field claims; saturates.
    pub fn size_bytes(&self) -> usize {
        usize::try_from(self.batch_length).map_or(0, |length| length.saturating_add(LENGTH_PREFIX))
    }

    /// Offset of the last record; saturates. One below the base offset for a raft-only frame.
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset that follows the batch; saturates. Equal to the base offset for a raft-only frame.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Whether the batch comes from an idempotent or transactional producer.
    pub fn has_producer(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// Sequence number of the last record, or −1 without a producer. Sequences wrap from
    /// `i32::MAX` to 0 (KIP-98).
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == NO_SEQUENCE {
            return NO_SEQUENCE;
        }
        increment_sequence(self.base_sequence, self.last_offset_delta)
    }
}

/// `sequence + by`, wrapping from `i32::MAX` to 0; both must be at least 0.
fn increment_sequence(sequence: i32, by: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(by.max(0));
    let span = i64::from(i32::MAX) + 1;
    i32::try_from(sum % span).expect("a remainder below 2^31 fits")
}

fn at<const N: usize>(bytes: &[u8; HEADER_LEN], from: usize) -> [u8; N] {
    bytes[from..from + N]
        .try_into()
        .expect("the table's fields lie inside the head")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(increment_sequence(5, 3), 8);
        assert_eq!(increment_sequence(i32::MAX, 1), 0);
        assert_eq!(increment_sequence(i32::MAX - 1, 3), 1);
    }

    #[test]
    fn a_short_buffer_is_no_header() {
        assert_eq!(BatchHeader::parse(&[0; HEADER_LEN - 1]), None);
    }

    proptest! {
        #[test]
        fn any_61_bytes_round_trip(bytes in proptest::array::uniform32(any::<u8>()), more in proptest::array::uniform29(any::<u8>())) {
            let all = [&bytes[..], &more[..]].concat();
            let header = BatchHeader::parse(&all).unwrap();
            prop_assert_eq!(&header.encode()[..], &all[..]);
            let _ = (header.size_bytes(), header.next_offset(), header.last_sequence());
        }
    }
}
