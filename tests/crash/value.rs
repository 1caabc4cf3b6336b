//! The value of a record says who sent it and as which of his records, and its filling proves that
//! it is whole.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | lane, big endian |
//! | 8 | sequence in the lane, big endian, from 0 |
//! | 0–1,499 | filling that follows from seed, lane and sequence |

use ottla_platform::seed::{Random, mix};

const HEAD_BYTES: usize = 16;
const FILLING_BYTES_MAX: u64 = 1_500;

/// Which record a value belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// Who sent it: one task with one partition.
    pub(crate) lane: u64,
    /// As which of its records.
    pub(crate) sequence: u64,
}

/// The value of a record.
pub(crate) fn encode(seed: u64, identity: Identity) -> Vec<u8> {
    let mut random = Random::new(mix(seed ^ mix(identity.lane ^ mix(identity.sequence))));
    let filling_bytes = usize::try_from(random.below(FILLING_BYTES_MAX)).expect("it is small");
    let mut value = Vec::with_capacity(HEAD_BYTES + filling_bytes + 8);
    value.extend(identity.lane.to_be_bytes());
    value.extend(identity.sequence.to_be_bytes());
    while value.len() < HEAD_BYTES + filling_bytes {
        value.extend(random.next_u64().to_be_bytes());
    }
    value.truncate(HEAD_BYTES + filling_bytes);
    value
}

/// Whose value it is; `None` when it is not whole.
pub(crate) fn decode(seed: u64, value: &[u8]) -> Option<Identity> {
    let number = |range: std::ops::Range<usize>| -> Option<u64> {
        Some(u64::from_be_bytes(value.get(range)?.try_into().ok()?))
    };
    let identity = Identity {
        lane: number(0..8)?,
        sequence: number(8..16)?,
    };
    (encode(seed, identity) == value).then_some(identity)
}

#[test]
fn a_value_tells_whose_it_is_unless_it_was_changed() {
    let identity = Identity {
        lane: 3,
        sequence: 9,
    };
    let mut value = encode(1, identity);
    assert_eq!(decode(1, &value), Some(identity));
    value.push(0);
    assert_eq!(decode(1, &value), None);
}
