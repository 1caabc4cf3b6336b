//! The value of a record says who sent it and as which of his records; its filling and its checksum
//! prove that it is whole.
//!
//! | bytes | field |
//! |---|---|
//! | 8 | identity: 16 bits of producer, 48 of sequence, big endian |
//! | 4 | key, big endian, as it stands in the record's key too |
//! | 0–399 | filling that follows from the identity |
//! | 4 | CRC-32C of all before, big endian |

use ottla_platform::seed::{Random, mix};

use crate::history::Identity;

const HEAD_BYTES: usize = 12;
const CHECKSUM_BYTES: usize = 4;
const FILLING_BYTES_MAX: u64 = 400;

/// The value of a record.
pub(crate) fn encode(identity: Identity, key: u32) -> Vec<u8> {
    let mut random = Random::new(mix(identity.bits()));
    let filling_bytes = usize::try_from(random.below(FILLING_BYTES_MAX)).expect("it is small");
    let mut value = Vec::with_capacity(HEAD_BYTES + filling_bytes + CHECKSUM_BYTES);
    value.extend(identity.bits().to_be_bytes());
    value.extend(key.to_be_bytes());
    // Half of it is the same byte, so that codecs have something to do.
    let byte = random.next_u64().to_be_bytes()[0];
    value.resize(HEAD_BYTES + filling_bytes / 2, byte);
    while value.len() < HEAD_BYTES + filling_bytes {
        value.push(random.next_u64().to_be_bytes()[0]);
    }
    value.extend(crc32c::crc32c(&value).to_be_bytes());
    value
}

/// Whose record it is; `None` when key and value are not what somebody sent.
pub(crate) fn decode(key: Option<&[u8]>, value: Option<&[u8]>) -> Option<Identity> {
    let (key, value) = (key?, value?);
    let (body, checksum) = value.split_last_chunk::<CHECKSUM_BYTES>()?;
    if crc32c::crc32c(body) != u32::from_be_bytes(*checksum) {
        return None;
    }
    let (bits, rest) = body.split_first_chunk::<8>()?;
    (rest.get(..4)? == key).then(|| Identity::from_bits(u64::from_be_bytes(*bits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_tells_whose_it_is_unless_it_was_changed() {
        let identity = Identity::new(3, 9);
        let mut value = encode(identity, 7);
        let key = 7_u32.to_be_bytes();
        assert_eq!(decode(Some(&key), Some(&value)), Some(identity));
        assert_eq!(decode(Some(&[0; 4]), Some(&value)), None);
        value[9] ^= 1;
        assert_eq!(decode(Some(&key), Some(&value)), None);
    }
}
