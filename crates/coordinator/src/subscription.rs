//! What a consumer says when it joins: the topics that it wants.
//!
//! | field | type |
//! |---|---|
//! | version | int16 |
//! | topics | array of string, not flexible |
//! | user data | nullable bytes, not flexible |
//! | later versions' fields | skipped |
//!
//! Every later version of the consumer protocol begins with version 0, so the coordinator reads
//! version 0 and needs to know no other.

use std::collections::BTreeSet;

use ottla_protocol::fields::{FieldError, FieldReader};

/// The protocol type of consumers: the only members whose metadata the coordinator reads.
pub const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// The topics of a `ConsumerProtocolSubscription`.
pub fn subscribed_topics(metadata: &[u8]) -> Result<BTreeSet<String>, FieldError> {
    let mut from = FieldReader::new(metadata);
    let _version = from.i16()?;
    let topics = from.old_array(2, |from| from.old_string())?;
    from.old_nullable_bytes()?;
    Ok(topics.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(metadata: &[u8]) -> Option<Vec<String>> {
        let topics = subscribed_topics(metadata).ok()?;
        Some(topics.into_iter().collect())
    }

    #[test]
    fn topics_are_read_from_any_version() {
        let named = [
            0, 0, 0, 0, 0, 2, 0, 1, b'b', 0, 1, b'a', 0xff, 0xff, 0xff, 0xff,
        ];
        assert_eq!(topics(&named), Some(vec!["a".to_owned(), "b".to_owned()]));
        let mut later = named;
        later[1] = 3;
        let mut later = later.to_vec();
        later.extend([0, 0, 0, 0, 0, 0, 0, 5, 0xff, 0xff]);
        assert_eq!(topics(&later), topics(&named));
        assert_eq!(topics(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 9]), Some(vec![]));
    }

    #[test]
    fn what_is_not_a_subscription_is_an_error() {
        for metadata in [
            &[][..],
            &[0],
            &[0, 0, 0, 0, 0, 1, 0, 5, b'a'],
            &[0, 0, 0xff, 0xff, 0xff, 0xff],
            &[0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0],
            &[0, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(topics(metadata), None, "{metadata:?}");
        }
    }
}
