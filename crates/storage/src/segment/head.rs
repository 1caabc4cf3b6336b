//! The head of a `.raftindex` file: where its segment begins, in both numberings.
//!
//! Kafka's offset alone cannot say it, because raft-only frames take none. Big-endian:
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `OTRI` |
//! | 4 | 2 | version: 1, or 2 if the segment was rewritten |
//! | 6 | 2 | 0 |
//! | 8 | 8 | Kafka offset of the first record (also the file's name) |
//! | 16 | 8 | Raft index of the first frame |
//! | 24 | 4 | term of the frame before it, −1 if there is none |
//! | 28 | 4 | of a rewritten segment its length, else 0 |
//! | 32 | 8 | bytes of the segment before it that count, unless that was rewritten; what it holds beyond was truncated |
//! | 40 | 8 | wall clock when it was made, ms |
//! | 48 | 4 | 0 |
//! | 52 | 4 | CRC-32C of the 52 bytes before |
//!
//! Entries follow, 8 bytes each, ascending: Raft index relative to the first (4) and position in
//! the log (4), one in a while.

use crate::LogId;

/// Bytes before the first entry.
pub(crate) const HEAD_LEN: usize = 56;
const MAGIC: [u8; 4] = *b"OTRI";
const VERSION: u16 = 1;
const REWRITTEN_VERSION: u16 = 2;
const CRC_AT: usize = 52;

/// Where a segment begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) base_offset: i64,
    pub(crate) first_index: u64,
    pub(crate) previous_term: i32,
    pub(crate) previous_len: u64,
    pub(crate) created_ms: i64,
    /// Set for a segment that compaction or repair has written anew.
    pub(crate) rewritten_len: Option<u32>,
}

impl Head {
    /// Bytes of the segment that count, if `next` is the head of the one behind it.
    pub(crate) fn len_before(&self, next: &Head) -> u64 {
        self.rewritten_len.map_or(next.previous_len, u64::from)
    }

    /// The frame before the segment.
    pub(crate) fn previous(&self) -> Option<LogId> {
        Some(LogId {
            term: self.previous_term,
            index: self.first_index.checked_sub(1)?,
        })
    }

    pub(crate) fn encode(&self) -> [u8; HEAD_LEN] {
        let mut bytes = [0; HEAD_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        let version = match self.rewritten_len {
            None => VERSION,
            Some(_) => REWRITTEN_VERSION,
        };
        bytes[4..6].copy_from_slice(&version.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.base_offset.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.first_index.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.previous_term.to_be_bytes());
        bytes[28..32].copy_from_slice(&self.rewritten_len.unwrap_or(0).to_be_bytes());
        bytes[32..40].copy_from_slice(&self.previous_len.to_be_bytes());
        bytes[40..48].copy_from_slice(&self.created_ms.to_be_bytes());
        let crc = crc32c::crc32c(&bytes[..CRC_AT]);
        bytes[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    /// `None` if the bytes are damaged or of another version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Head> {
        let bytes: &[u8; HEAD_LEN] = bytes.first_chunk()?;
        let crc = u32::from_be_bytes(*bytes[CRC_AT..].first_chunk()?);
        let version = u16::from_be_bytes(*bytes[4..].first_chunk()?);
        if bytes[..4] != MAGIC || crc32c::crc32c(&bytes[..CRC_AT]) != crc {
            return None;
        }
        let rewritten_len = match version {
            VERSION => None,
            REWRITTEN_VERSION => Some(u32::from_be_bytes(*bytes[28..].first_chunk()?)),
            _ => return None,
        };
        Some(Head {
            base_offset: i64::from_be_bytes(*bytes[8..].first_chunk()?),
            first_index: u64::from_be_bytes(*bytes[16..].first_chunk()?),
            previous_term: i32::from_be_bytes(*bytes[24..].first_chunk()?),
            previous_len: u64::from_be_bytes(*bytes[32..].first_chunk()?),
            created_ms: i64::from_be_bytes(*bytes[40..].first_chunk()?),
            rewritten_len,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_round_trips_and_notices_damage() {
        for rewritten_len in [None, Some(500)] {
            let head = Head {
                base_offset: 1 << 40,
                first_index: 7,
                previous_term: 3,
                previous_len: 999,
                created_ms: 1_700_000_000_000,
                rewritten_len,
            };
            let bytes = head.encode();
            assert_eq!(Head::decode(&bytes), Some(head));
            assert_eq!(head.previous(), Some(LogId { term: 3, index: 6 }));
            for at in 0..HEAD_LEN {
                let mut flipped = bytes;
                flipped[at] ^= 1;
                assert_eq!(Head::decode(&flipped), None, "byte {at}");
            }
            let mut newer = bytes;
            newer[5] = 3;
            let crc = crc32c::crc32c(&newer[..CRC_AT]);
            newer[CRC_AT..].copy_from_slice(&crc.to_be_bytes());
            assert_eq!(Head::decode(&newer), None);
        }
    }

    #[test]
    fn a_rewritten_segment_knows_its_length_itself() {
        let head = |rewritten_len, previous_len| Head {
            base_offset: 0,
            first_index: 0,
            previous_term: -1,
            previous_len,
            created_ms: 0,
            rewritten_len,
        };
        let next = head(None, 999);
        assert_eq!(head(None, 0).len_before(&next), 999);
        assert_eq!(head(Some(500), 0).len_before(&next), 500);
    }
}
