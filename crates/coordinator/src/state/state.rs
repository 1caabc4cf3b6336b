//! All groups of one partition of the log.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Group, Producers};
use crate::config::GroupConfig;

/// The fold of the log.
///
/// The settings ride along because a state machine has no other place for them. They are the same
/// for the life of a process and no record reads or changes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    config: Arc<GroupConfig>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) producers: Producers,
}

impl State {
    /// The state of an empty log.
    pub fn new(config: Arc<GroupConfig>) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            producers: Producers::default(),
        }
    }

    /// The settings.
    pub fn config(&self) -> &GroupConfig {
        &self.config
    }

    /// A group, if there is one of that name.
    pub fn group(&self, group_id: &str) -> Option<&Group> {
        self.groups.get(group_id)
    }

    /// Who commits offsets in transactions.
    pub fn producers(&self) -> &Producers {
        &self.producers
    }

    /// All groups by name.
    pub fn groups(&self) -> impl Iterator<Item = (&String, &Group)> {
        self.groups.iter()
    }
}
