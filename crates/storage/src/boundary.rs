//! A boundary: everything that is known at one point between two frames, so that a log can begin
//! there. Kept at each segment's start, at a clean log's end, and sent to replicas that are too
//! far behind.
//!
//! An envelope (see [`crate::codec`]) with magic `OTLB` and version 1; the body, big-endian, `?` a
//! byte 0 or 1 that says whether the following field is there, `[]` a 32-bit count and that many:
//!
//! | bytes | field |
//! |---|---|
//! | ? 4 + 8 | term and index of the last frame |
//! | 8 | next Kafka offset |
//! | 8 | log start offset |
//! | ? 4 + 8 + 4 + n | membership: term, index, length, bytes |
//! | [] 4 + 8 | leader epoch, its start offset |
//! | [] 4 + 8 | Raft term, its first index |
//! | [] 8 + 2 + 4 + 8 + ? 8 + [] (4 + 8 + 4 + 8) | producer id, epoch, coordinator epoch, last timestamp, transaction start; batches: last sequence, last offset, offset delta, timestamp |
//! | [] 8 + 8 + 8 | completed transaction: producer id, first offset, marker offset |

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::LogId;
use crate::codec::{
    Malformed, get_bytes, get_list, get_option, put_bytes, put_list, put_option, seal, unseal,
};
use crate::epochs::EpochStart;
use crate::producers::{BATCHES_KEPT, Producer, ProducerBatch};
use crate::transactions::CompletedTransaction;

const MAGIC: [u8; 4] = *b"OTLB";
const VERSION: u16 = 1;

/// The state of a log just before a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Boundary {
    /// The last frame before the boundary; `None` at a partition's birth.
    pub last: Option<LogId>,
    /// Kafka offset of the next record.
    pub next_offset: i64,
    /// Kafka offset below which records are deleted. A log that is reset to a boundary starts at
    /// `next_offset` whatever this says.
    pub log_start_offset: i64,
    /// The newest membership before the boundary, and where it was decided.
    pub membership: Option<(LogId, Bytes)>,
    /// Kafka's leader epochs, ascending.
    pub epochs: Vec<EpochStart>,
    /// Each Raft term with its first index, ascending.
    pub terms: Vec<LogId>,
    /// Producers known, ascending by id.
    pub producers: Vec<Producer>,
    /// Transactions that ended so lately that their marker may not be committed yet.
    pub completed: Vec<CompletedTransaction>,
}

/// Bytes that are not a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a boundary: checksum, version or lengths are wrong")]
pub struct BadBoundary;

impl From<Malformed> for BadBoundary {
    fn from(_: Malformed) -> BadBoundary {
        BadBoundary
    }
}

impl Boundary {
    /// Raft index of the first frame after the boundary.
    pub fn next_index(&self) -> u64 {
        self.last.map_or(0, |id| id.index + 1)
    }

    /// The bytes of the boundary, with version and checksum.
    pub fn encode(&self) -> Bytes {
        let mut body = BytesMut::new();
        self.put(&mut body);
        seal(MAGIC, VERSION, &body)
    }

    /// Reads what [`Boundary::encode`] wrote.
    ///
    /// # Errors
    /// The bytes are damaged or of another version.
    pub fn decode(bytes: &[u8]) -> Result<Boundary, BadBoundary> {
        let mut body = unseal(MAGIC, VERSION, bytes)?;
        let boundary = Boundary::get(&mut body)?;
        if body.is_empty() {
            Ok(boundary)
        } else {
            Err(BadBoundary)
        }
    }

    pub(crate) fn put(&self, to: &mut BytesMut) {
        put_option(to, self.last, put_id);
        to.put_i64(self.next_offset);
        to.put_i64(self.log_start_offset);
        put_option(to, self.membership.as_ref(), |to, (id, members)| {
            put_id(to, *id);
            put_bytes(to, members);
        });
        put_list(to, &self.epochs, |to, entry| {
            to.put_i32(entry.epoch);
            to.put_i64(entry.start_offset);
        });
        put_list(to, &self.terms, |to, id| put_id(to, *id));
        put_list(to, &self.producers, put_producer);
        put_list(to, &self.completed, |to, transaction| {
            to.put_i64(transaction.producer_id);
            to.put_i64(transaction.first_offset);
            to.put_i64(transaction.marker_offset);
        });
    }

    pub(crate) fn get(from: &mut &[u8]) -> Result<Boundary, Malformed> {
        Ok(Boundary {
            last: get_option(from, get_id)?,
            next_offset: from.try_get_i64()?,
            log_start_offset: from.try_get_i64()?,
            membership: get_option(from, |from| Ok((get_id(from)?, get_bytes(from)?)))?,
            epochs: get_list(from, 12, |from| {
                Ok(EpochStart {
                    epoch: from.try_get_i32()?,
                    start_offset: from.try_get_i64()?,
                })
            })?,
            terms: get_list(from, 12, get_id)?,
            producers: get_list(from, 27, get_producer)?,
            completed: get_list(from, 24, |from| {
                Ok(CompletedTransaction {
                    producer_id: from.try_get_i64()?,
                    first_offset: from.try_get_i64()?,
                    marker_offset: from.try_get_i64()?,
                })
            })?,
        })
    }
}

pub(crate) fn put_id(to: &mut BytesMut, id: LogId) {
    to.put_i32(id.term);
    to.put_u64(id.index);
}

pub(crate) fn get_id(from: &mut &[u8]) -> Result<LogId, Malformed> {
    Ok(LogId {
        term: from.try_get_i32()?,
        index: from.try_get_u64()?,
    })
}

fn put_producer(to: &mut BytesMut, producer: &Producer) {
    to.put_i64(producer.producer_id);
    to.put_i16(producer.epoch);
    to.put_i32(producer.coordinator_epoch);
    to.put_i64(producer.last_timestamp);
    put_option(to, producer.transaction_start, BytesMut::put_i64);
    put_list(to, &producer.batches, |to, batch| {
        to.put_i32(batch.last_sequence);
        to.put_i64(batch.last_offset);
        to.put_i32(batch.offset_delta);
        to.put_i64(batch.timestamp);
    });
}

fn get_producer(from: &mut &[u8]) -> Result<Producer, Malformed> {
    let producer = Producer {
        producer_id: from.try_get_i64()?,
        epoch: from.try_get_i16()?,
        coordinator_epoch: from.try_get_i32()?,
        last_timestamp: from.try_get_i64()?,
        transaction_start: get_option(from, |from| Ok(from.try_get_i64()?))?,
        batches: get_list(from, 24, |from| {
            Ok(ProducerBatch {
                last_sequence: from.try_get_i32()?,
                last_offset: from.try_get_i64()?,
                offset_delta: from.try_get_i32()?,
                timestamp: from.try_get_i64()?,
            })
        })?,
    };
    if producer.batches.len() > BATCHES_KEPT {
        return Err(Malformed);
    }
    Ok(producer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Boundary {
        let id = |term, index| LogId { term, index };
        Boundary {
            last: Some(id(3, 99)),
            next_offset: 500,
            log_start_offset: 20,
            membership: Some((id(1, 0), Bytes::from_static(b"members"))),
            epochs: vec![EpochStart {
                epoch: 3,
                start_offset: 20,
            }],
            terms: vec![id(1, 0), id(3, 50)],
            producers: vec![Producer {
                producer_id: 8,
                epoch: 2,
                coordinator_epoch: -1,
                last_timestamp: 1_000,
                transaction_start: Some(400),
                batches: vec![ProducerBatch {
                    last_sequence: 5,
                    last_offset: 405,
                    offset_delta: 5,
                    timestamp: 999,
                }],
            }],
            completed: vec![CompletedTransaction {
                producer_id: 9,
                first_offset: 300,
                marker_offset: 310,
            }],
        }
    }

    #[test]
    fn a_boundary_round_trips() {
        for boundary in [sample(), Boundary::default()] {
            assert_eq!(Boundary::decode(&boundary.encode()), Ok(boundary));
        }
        assert_eq!(
            (sample().next_index(), Boundary::default().next_index()),
            (100, 0)
        );
    }

    #[test]
    fn damage_anywhere_is_noticed() {
        let bytes = sample().encode();
        for at in 0..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0x10;
            assert_eq!(Boundary::decode(&flipped), Err(BadBoundary), "byte {at}");
            assert_eq!(
                Boundary::decode(&bytes[..at]),
                Err(BadBoundary),
                "cut at {at}"
            );
        }
    }
}
