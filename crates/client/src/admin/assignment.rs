//! What a consumer was assigned, as members of a group tell each other.
//!
//! | field | type |
//! |---|---|
//! | version | int16 |
//! | topics: name | string |
//! | topics: partitions | array of int32 |
//! | user data | nullable bytes |
//! | later versions' fields | skipped |

use ottla_protocol::fields::{FieldError, FieldReader};

use crate::partition::TopicPartition;

/// The protocol type of groups whose members are consumers.
pub(super) const PROTOCOL_TYPE: &str = "consumer";
/// Bytes of the shortest topic: an empty name and no partitions.
const TOPIC_BYTES_MIN: usize = 6;

/// Reads an assignment, in order of topics and partitions. No bytes are no assignment yet.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<TopicPartition>, FieldError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let mut from = FieldReader::new(bytes);
    let _version = from.i16()?;
    let topics = from.old_array(TOPIC_BYTES_MIN, |from| {
        let name = from.old_string()?;
        let partitions = from.old_array(4, FieldReader::i32)?;
        Ok((name, partitions))
    })?;
    let mut assigned: Vec<TopicPartition> = topics
        .into_iter()
        .flat_map(|(name, partitions)| {
            let name: std::sync::Arc<str> = name.into();
            let named = move |number| TopicPartition::new(name.clone(), number);
            partitions.into_iter().map(named)
        })
        .collect();
    assigned.sort();
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_OF_T: [u8; 23] = [
        0, 1, // version
        0, 0, 0, 1, 0, 1, b't', // one topic
        0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1, // partitions 3 and 1
        0xff, 0xff, // and a part of the user data, which nobody here reads
    ];

    #[test]
    fn partitions_are_read_in_order_from_any_version() {
        let expected = [TopicPartition::new("t", 1), TopicPartition::new("t", 3)];
        assert_eq!(read(&TWO_OF_T).unwrap(), expected);
        assert_eq!(read(&[]).unwrap(), []);
    }

    #[test]
    fn what_is_no_assignment_is_an_error() {
        for length in 1..TWO_OF_T.len() - 2 {
            assert!(read(&TWO_OF_T[..length]).is_err(), "{length}");
        }
        assert!(read(&[0, 0, 0x7f, 0xff, 0xff, 0xff]).is_err());
    }
}
