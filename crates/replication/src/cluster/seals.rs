//! When a group falls idle its followers are told once more what is committed.
//!
//! openraft tells it with the next entries, or with an empty request of its own. That one is sent
//! once: if it gets lost, with a connection that breaks or a broker that is just starting, followers
//! would not learn of the last commit before there is another.

use ottla_platform::seed::HashMap;

use super::registry::Replica;

/// The groups led here whose followers may not know the last commit.
#[derive(Debug, Default)]
pub(super) struct Seals {
    groups: HashMap<u64, Seal>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seal {
    /// The log's end at the last look.
    next_index: u64,
    /// Followers were told what is committed below it.
    told: bool,
}

impl Seals {
    /// Of these groups, tells the followers of each that has had no entry since the look before.
    pub(super) fn look(&mut self, replicas: &[(u64, Replica)]) {
        for (group, replica) in replicas {
            let partition = &replica.partition;
            if partition.is_alone() || !partition.is_leader() {
                self.groups.remove(group);
                continue;
            }
            let next_index = partition.log().state().next_index;
            let seal = self.groups.entry(*group).or_default();
            if seal.next_index != next_index {
                *seal = Seal {
                    next_index,
                    told: false,
                };
            } else if !seal.told && partition.has_applied_all() {
                seal.told = true;
                let partition = partition.clone();
                tokio::spawn(async move { partition.tell_followers().await });
            }
        }
    }

    /// Whether the followers were told all that is committed below the end of the log.
    pub(super) fn is_told(&self, group: u64, next_index: u64) -> bool {
        let seal = self.groups.get(&group);
        seal.is_some_and(|seal| seal.told && seal.next_index == next_index)
    }

    /// A group has no replica here any more.
    pub(super) fn forget(&mut self, group: u64) {
        self.groups.remove(&group);
    }
}
