//! Names of topics, by Kafka's rules.

use std::fmt;

/// A name that a topic may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicName(String);

/// The longest name, so that a partition's folder name stays within what file systems take.
pub const TOPIC_NAME_CHARACTERS_MAX: usize = 249;

/// The topic of consumer groups' offsets.
pub const CONSUMER_OFFSETS: &str = "__consumer_offsets";
/// The topic of transactions.
pub const TRANSACTION_STATE: &str = "__transaction_state";
/// The topic of share groups' state.
pub const SHARE_GROUP_STATE: &str = "__share_group_state";
/// The name under which tools know the metadata log; no topic can have it.
pub const CLUSTER_METADATA: &str = "__cluster_metadata";

/// Why a name is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTopicName {
    /// It is empty.
    #[error("a topic name cannot be empty")]
    Empty,
    /// It means a folder.
    #[error("a topic name cannot be '.' or '..'")]
    Dots,
    /// It is too long.
    #[error(
        "a topic name cannot be longer than {TOPIC_NAME_CHARACTERS_MAX} characters, this one has {characters}"
    )]
    Long {
        /// How long it is.
        characters: usize,
    },
    /// It holds something else than letters, digits and three signs.
    #[error(
        "topic name '{name}' holds something else than ASCII letters, digits, '.', '_' and '-'"
    )]
    Characters {
        /// The name as it was given.
        name: String,
    },
}

impl TopicName {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, InvalidTopicName> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match name {
            "" => Err(InvalidTopicName::Empty),
            "." | ".." => Err(InvalidTopicName::Dots),
            _ if name.chars().count() > TOPIC_NAME_CHARACTERS_MAX => Err(InvalidTopicName::Long {
                characters: name.chars().count(),
            }),
            _ if !name.bytes().all(allowed) => Err(InvalidTopicName::Characters {
                name: name.to_owned(),
            }),
            _ => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether Kafka keeps state of its own in the topic of this name: clients do not see it among
/// their subscriptions, and producers must be told to mean it.
pub fn is_internal(name: &str) -> bool {
    [CONSUMER_OFFSETS, TRANSACTION_STATE, SHARE_GROUP_STATE].contains(&name)
}

/// What two names have in common that metrics cannot tell apart, for names of which that is true:
/// '.' and '_' are the same there.
pub(crate) fn collision_form(name: &str) -> Option<String> {
    name.contains(['.', '_']).then(|| name.replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_letters_digits_and_three_signs_are_taken() {
        let longest = "x".repeat(TOPIC_NAME_CHARACTERS_MAX);
        for name in [
            "a",
            "A-9",
            "my.topic_1",
            "...",
            "-",
            &longest,
            CONSUMER_OFFSETS,
        ] {
            assert_eq!(TopicName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn other_names_are_refused_with_the_reason() {
        assert_eq!(TopicName::parse(""), Err(InvalidTopicName::Empty));
        assert_eq!(TopicName::parse("."), Err(InvalidTopicName::Dots));
        assert_eq!(TopicName::parse(".."), Err(InvalidTopicName::Dots));
        for characters in [TOPIC_NAME_CHARACTERS_MAX + 1, 100_000] {
            let long = "x".repeat(characters);
            assert_eq!(
                TopicName::parse(&long),
                Err(InvalidTopicName::Long { characters })
            );
        }
        for name in ["a b", "é", "a/b", "a\n", "a:b"] {
            let refused = InvalidTopicName::Characters {
                name: name.to_owned(),
            };
            assert_eq!(TopicName::parse(name), Err(refused));
        }
    }

    #[test]
    fn only_the_topics_of_coordinators_are_internal() {
        assert!(is_internal(CONSUMER_OFFSETS) && is_internal(TRANSACTION_STATE));
        assert!(is_internal(SHARE_GROUP_STATE));
        assert!(!is_internal(CLUSTER_METADATA) && !is_internal("__consumer_offsets2"));
    }

    #[test]
    fn a_dot_and_an_underscore_collide() {
        assert_eq!(collision_form("a.b_c").as_deref(), Some("a_b_c"));
        assert_eq!(collision_form("a_b.c").as_deref(), Some("a_b_c"));
        assert_eq!(collision_form("a-b"), None);
    }
}
