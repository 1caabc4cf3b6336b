//! Identifiers that cross the wire and are used by every crate above.
//!
//! They are plain values: copying one costs nothing, and none of them checks that the thing it names exists.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A broker's number. Kafka's clients see it as the node id; negative numbers mean "nobody".
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct NodeId(pub i32);

impl NodeId {
    /// What stands on the wire where no node can be named.
    pub const NONE: NodeId = NodeId(-1);
}

impl fmt::Display for NodeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<i32> for NodeId {
    fn from(id: i32) -> Self {
        NodeId(id)
    }
}

/// A topic's identity, which a topic of the same name created later does not share.
///
/// Shown as Kafka's tools show it: 22 characters of URL-safe base64.
#[derive(
    Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize,
)]
pub struct TopicId(pub Uuid);

impl TopicId {
    /// What stands on the wire where there is no topic id.
    pub const ZERO: TopicId = TopicId(Uuid::nil());

    /// Whether this is [`TopicId::ZERO`].
    pub fn is_zero(self) -> bool {
        self.0.is_nil()
    }
}

impl From<Uuid> for TopicId {
    fn from(id: Uuid) -> Self {
        TopicId(id)
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0.as_u128();
        // 22 digits of six bits hold 132: the value stands to the left, four zero bits follow it.
        for digit in 0..BASE64_DIGITS {
            let shift = 128 - 6 * (digit as i32 + 1);
            let value = if shift >= 0 {
                bits >> shift
            } else {
                bits << -shift
            };
            let symbol = BASE64_ALPHABET[(value & 0x3f) as usize];
            fmt::Write::write_char(formatter, symbol as char)?;
        }
        Ok(())
    }
}

impl std::str::FromStr for TopicId {
    type Err = InvalidTopicId;

    fn from_str(text: &str) -> Result<Self, InvalidTopicId> {
        if text.len() != BASE64_DIGITS {
            return Err(InvalidTopicId);
        }
        let mut bits: u128 = 0;
        for (position, symbol) in text.bytes().enumerate() {
            let value = BASE64_ALPHABET
                .iter()
                .position(|&known| known == symbol)
                .ok_or(InvalidTopicId)? as u128;
            if position + 1 < BASE64_DIGITS {
                bits = (bits << 6) | value;
            } else if value & 0x0f == 0 {
                bits = (bits << 2) | (value >> 4);
            } else {
                return Err(InvalidTopicId);
            }
        }
        Ok(TopicId(Uuid::from_u128(bits)))
    }
}

/// A text that is not a topic id as [`TopicId`] shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a topic id is 22 characters of URL-safe base64")]
pub struct InvalidTopicId;

const BASE64_DIGITS: usize = 22;
const BASE64_ALPHABET: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_is_shown_as_kafka_shows_it() {
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        let one = TopicId(Uuid::from_u128(1));
        assert_eq!(one.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let all = TopicId(Uuid::from_u128(u128::MAX));
        assert_eq!(all.to_string(), "_____________________w");
    }

    #[test]
    fn a_shown_topic_id_reads_back() {
        for bits in [0, 1, u128::MAX, 0x0123_4567_89ab_cdef_0011_2233_4455_6677] {
            let id = TopicId(Uuid::from_u128(bits));
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_not_a_topic_id_is_refused() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAAB",
            "AAAAAAAAAAAAAAAAAAAAA=",
            "ÄAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert_eq!(text.parse::<TopicId>(), Err(InvalidTopicId), "{text}");
        }
    }
}
