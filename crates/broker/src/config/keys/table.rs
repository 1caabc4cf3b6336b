//! All keys as one table.

use super::{groups, log, network, node, topics, transactions};
use crate::config::key::Key;

/// Every key that is obeyed, area by area.
pub fn all() -> impl Iterator<Item = &'static Key> {
    [
        node::KEYS,
        network::KEYS,
        topics::KEYS,
        groups::KEYS,
        transactions::KEYS,
        log::KEYS,
    ]
    .into_iter()
    .flatten()
}

/// The key of this name, if it is one that is obeyed.
pub fn find(name: &str) -> Option<&'static Key> {
    all().find(|key| key.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_documented() {
        let names: BTreeSet<_> = all().map(|key| key.name).collect();
        assert_eq!(names.len(), all().count());
        for key in all() {
            assert!(key.doc.ends_with('.'), "{} says what it does", key.name);
        }
    }

    #[test]
    fn no_variable_means_two_keys() {
        let short: BTreeSet<_> = all()
            .map(|key| key.name.strip_prefix("ottla.").unwrap_or(key.name))
            .collect();
        assert_eq!(short.len(), all().count());
    }

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for key in all() {
            if let Some(default) = key.default {
                let value = key.read(default).unwrap();
                assert_eq!(value.to_string(), default, "{} is canonical", key.name);
            }
        }
    }
}
