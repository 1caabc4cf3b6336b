//! The groups in which something goes on.

use std::collections::BTreeMap;

use super::LiveGroup;
use crate::record::GroupMetadataValue;
use crate::state::State;

/// The leader's memory. A group without members, pending members and rebalance is not in here:
/// the log says all there is to say of it.
#[derive(Debug, Default)]
pub struct Live {
    groups: BTreeMap<String, LiveGroup>,
}

impl Live {
    /// A group in which something goes on.
    pub fn group(&self, group_id: &str) -> Option<&LiveGroup> {
        self.groups.get(group_id)
    }

    /// How many there are.
    pub fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// Takes a group out to work on it; makes it from the log if nothing went on in it. `None` if
    /// the log does not know it.
    pub(crate) fn take(&mut self, hard: &State, group_id: &str) -> Option<LiveGroup> {
        let logged = hard.group(group_id)?;
        Some(match (self.groups.remove(group_id), logged.metadata()) {
            (Some(live), _) => live,
            (None, Some(value)) => LiveGroup::loaded(value),
            (None, None) => LiveGroup::loaded(&GroupMetadataValue::default()),
        })
    }

    /// Puts a group back, if there is anything in it to remember.
    pub(crate) fn put(&mut self, group_id: &str, group: LiveGroup) {
        if group.is_worth_keeping() {
            self.groups.insert(group_id.to_owned(), group);
        } else {
            self.groups.remove(group_id);
        }
    }
}
