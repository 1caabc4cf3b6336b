//! ListGroups, for the groups of this partition of the log.

use crate::live::{Live, LiveGroup, Phase};
use crate::state::{Group, State};

/// Kafka's name for the groups that this machine serves.
const GROUP_TYPE: &str = "classic";

/// A question for groups.
#[derive(Clone, Debug, Default)]
pub struct ListGroups {
    /// The states to show, in any case; empty for all.
    pub states: Vec<String>,
    /// The types to show, in any case; empty for all.
    pub types: Vec<String>,
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// Its name.
    pub group_id: String,
    /// What kind of members it has; empty if it never had any.
    pub protocol_type: String,
    /// Kafka's name of its state.
    pub state: &'static str,
    /// Kafka's name of its type.
    pub group_type: &'static str,
}

impl ListGroups {
    pub(crate) fn decide(self, hard: &State, live: &Live) -> Vec<ListedGroup> {
        if !self.types.is_empty() && !self.types.iter().any(|name| is_named(name, GROUP_TYPE)) {
            return Vec::new();
        }
        let groups = hard.groups();
        let groups = groups.map(|(group_id, logged)| list(group_id, logged, live.group(group_id)));
        groups
            .filter(|group| {
                let mut states = self.states.iter();
                self.states.is_empty() || states.any(|name| is_named(name.trim(), group.state))
            })
            .collect()
    }
}

fn is_named(asked: &str, name: &str) -> bool {
    asked.eq_ignore_ascii_case(name)
}

fn list(group_id: &str, logged: &Group, live: Option<&LiveGroup>) -> ListedGroup {
    let protocol_type = match live {
        Some(live) => live.protocol_type.clone(),
        None => logged.metadata().map(|value| value.protocol_type.clone()),
    };
    ListedGroup {
        group_id: group_id.to_owned(),
        protocol_type: protocol_type.unwrap_or_default(),
        state: live.map_or(Phase::Empty, |live| live.phase).name(),
        group_type: GROUP_TYPE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Input, Reply};
    use crate::operations::OffsetCommit;
    use crate::testing::*;

    fn listed(bench: &mut Bench, states: &[&str], types: &[&str]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let list = ListGroups {
            states: owned(states),
            types: owned(types),
        };
        match bench.ask(Input::ListGroups(list)) {
            Reply::ListGroups(groups) => groups
                .into_iter()
                .map(|group| {
                    let ListedGroup {
                        group_id,
                        protocol_type,
                        state,
                        group_type,
                    } = group;
                    format!("{group_id} {protocol_type} {state} {group_type}")
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn groups_are_listed_by_state_and_type() {
        let mut bench = Bench::new();
        bench.stable(1);
        let other = OffsetCommit {
            group_id: "h".into(),
            ..commit(1)
        };
        bench.commit(other).unwrap();
        let all = ["g consumer Stable classic", "h  Empty classic"];
        assert_eq!(listed(&mut bench, &[], &[]), all);
        assert_eq!(
            listed(&mut bench, &["stable", " EMPTY "], &["Classic"]),
            all
        );
        assert_eq!(listed(&mut bench, &["Stable"], &[]), all[..1]);
        assert_eq!(listed(&mut bench, &["Dead", "nonsense"], &[]), [""; 0]);
        assert_eq!(listed(&mut bench, &[], &["consumer", "share"]), [""; 0]);
        assert_eq!(listed(&mut bench, &[], &["consumer", "classic"]), all);
    }
}
