//! What must hold after every step.

use std::collections::BTreeSet;

use ottla_coordinator::live::{Live, LiveGroup, Phase, Waiting};
use ottla_coordinator::state::State;

pub(crate) fn check(hard: &State, live: &Live) {
    let mut live_groups = 0;
    for (group_id, group) in hard.groups() {
        assert!(
            group
                .offsets()
                .values()
                .all(|partitions| !partitions.is_empty())
        );
        if let Some(value) = group.metadata() {
            let ids: BTreeSet<_> = value
                .members
                .iter()
                .map(|member| &member.member_id)
                .collect();
            assert_eq!(ids.len(), value.members.len(), "a member was written twice");
            assert_eq!(value.leader.is_some(), !value.members.is_empty());
            assert!(
                value
                    .leader
                    .as_ref()
                    .is_none_or(|leader| ids.contains(leader))
            );
        }
        if let Some(group) = live.group(group_id) {
            live_groups += 1;
            check_group(group);
        } else {
            let members = group.metadata().map_or(0, |value| value.members.len());
            assert_eq!(members, 0, "{group_id} has members that nobody watches");
        }
    }
    assert_eq!(live_groups, live.group_count(), "a group is not in the log");
}

fn check_group(group: &LiveGroup) {
    assert_eq!(group.leader.is_some(), !group.members.is_empty());
    let leader = group.leader.as_ref();
    assert!(leader.is_none_or(|leader| group.members.contains_key(leader)));
    let mut instance_ids = BTreeSet::new();
    for (member_id, member) in &group.members {
        assert!(!group.pending_joins.contains(member_id));
        if let Some(instance_id) = &member.instance_id {
            assert!(
                instance_ids.insert(instance_id),
                "two go by one static name"
            );
            assert_eq!(group.static_member(instance_id), Some(member_id.as_str()));
        }
        match (group.phase, member.waiting) {
            (Phase::Empty, _) => panic!("an empty group has a member"),
            (Phase::PreparingRebalance { .. }, Waiting::Sync(_)) => panic!("a sync is forgotten"),
            (Phase::CompletingRebalance, Waiting::Join(_)) => panic!("a join is forgotten"),
            (Phase::Stable, Waiting::Join(_) | Waiting::Sync(_)) => panic!("someone is forgotten"),
            _ => {}
        }
        assert!(!member.is_new || matches!(group.phase, Phase::PreparingRebalance { .. }));
    }
    let mut pending_syncs = group.pending_syncs.iter();
    assert!(pending_syncs.all(|member_id| group.members.contains_key(member_id)));
    if matches!(group.phase, Phase::CompletingRebalance | Phase::Stable) {
        assert!(group.protocol.is_some() && group.generation > 0);
    }
}
