//! What the timers of a group say. A timer may be late: what it was set for may be over.

use super::Turn;
use crate::live::{Member, Phase};

/// A member was silent for too long, or a pending member did not come.
pub(crate) fn expire_session(turn: &mut Turn<'_>, member_id: &str) {
    let pending = turn.group.pending_joins.contains(member_id);
    let member = turn.group.members.get(member_id);
    if member.is_some_and(Member::is_excused) || (member.is_none() && !pending) {
        return;
    }
    turn.remove(member_id);
    match turn.group.phase {
        Phase::Empty => {}
        Phase::PreparingRebalance { .. } if turn.group.all_joined() => turn.complete_join(),
        Phase::PreparingRebalance { .. } => {}
        // A pending member was in no generation.
        Phase::CompletingRebalance | Phase::Stable if pending => {}
        Phase::CompletingRebalance | Phase::Stable => turn.prepare_rebalance(),
    }
}

/// The join phase took its time.
pub(crate) fn expire_join(turn: &mut Turn<'_>) {
    if matches!(turn.group.phase, Phase::PreparingRebalance { .. }) {
        turn.complete_join();
    }
}

/// The initial join phase took its delay: it goes on if someone came meanwhile and time is left.
pub(crate) fn extend_initial_rebalance(turn: &mut Turn<'_>, delay_ms: i64, remaining_ms: i64) {
    let Phase::PreparingRebalance {
        initial: true,
        new_member_added,
    } = &mut turn.group.phase
    else {
        return;
    };
    if *new_member_added && remaining_ms != 0 {
        *new_member_added = false;
        let next_delay_ms = i64::from(turn.config.initial_rebalance_delay_ms).min(remaining_ms);
        turn.set_initial_delay(next_delay_ms, (remaining_ms - delay_ms).max(0));
    } else {
        turn.complete_join();
    }
}

/// The sync phase of a generation took its time: who did not ask for its assignment is out.
pub(crate) fn expire_sync(turn: &mut Turn<'_>, generation: i32) {
    let awaited = match turn.group.phase {
        Phase::CompletingRebalance | Phase::Stable => turn.group.generation == generation,
        Phase::Empty | Phase::PreparingRebalance { .. } => false,
    };
    if !awaited || turn.group.pending_syncs.is_empty() {
        return;
    }
    for member_id in std::mem::take(&mut turn.group.pending_syncs) {
        turn.remove(&member_id);
    }
    turn.prepare_rebalance();
}

#[cfg(test)]
mod tests {
    use ottla_protocol::ErrorCode;

    use crate::machine::Input;
    use crate::operations::JoinGroup;
    use crate::testing::*;

    #[test]
    fn who_does_not_join_in_time_is_out() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(2);
        let asker = bench.send(Input::JoinGroup(rejoin(&members[0])));
        for _ in 0..REBALANCE_MS / SESSION_MS {
            let _ = bench.heartbeat(&members[1], generation);
            bench.advance_ms(i64::from(SESSION_MS) - 1);
        }
        let _ = bench.heartbeat(&members[1], generation);
        assert!(bench.waits(asker));
        bench.advance_ms(6);
        let joined = bench.joined(asker);
        assert_eq!(
            (joined.generation, joined.members.len()),
            (generation + 1, 1)
        );
        let told = bench.heartbeat(&members[1], generation);
        assert_eq!(told, Err(ErrorCode::UnknownMemberId));
    }

    #[test]
    fn who_does_not_ask_for_its_assignment_in_time_is_out() {
        let mut bench = Bench::new();
        let (leader, _) = bench.join_new();
        let (follower, _) = bench.join_new();
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.ask_sync(sync(&leader, 1)).unwrap();
        for _ in 0..=REBALANCE_MS / SESSION_MS {
            let _ = bench.heartbeat(&follower, 1);
            assert_eq!(bench.heartbeat(&leader, 1), Ok(()));
            bench.advance_ms(i64::from(SESSION_MS) - 1);
        }
        assert_eq!(
            bench.heartbeat(&leader, 1),
            Err(ErrorCode::RebalanceInProgress)
        );
        assert_eq!(
            bench.heartbeat(&follower, 1),
            Err(ErrorCode::UnknownMemberId)
        );
    }

    #[test]
    fn a_leader_that_never_assigns_is_out_and_the_others_go_on() {
        let mut bench = Bench::new();
        let (leader, _) = bench.join_new();
        let (follower, _) = bench.join_new();
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.advance_ms(INITIAL_DELAY_MS);
        let waiting = bench.send(Input::SyncGroup(sync(&follower, 1)));
        bench.advance_ms(i64::from(SESSION_MS));
        assert_eq!(bench.synced(waiting), Err(ErrorCode::RebalanceInProgress));
        assert_eq!(bench.heartbeat(&leader, 1), Err(ErrorCode::UnknownMemberId));
        let asker = bench.send(Input::JoinGroup(rejoin(&follower)));
        assert_eq!(bench.joined(asker).leader, follower);
    }

    #[test]
    fn a_new_member_without_an_answer_is_given_up_after_five_minutes() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        let mut patient = JoinGroup {
            version: 3,
            ..join()
        };
        patient.rebalance_timeout_ms = 3_600_000;
        let asker = bench.send(Input::JoinGroup(patient));
        for _ in 0..31 {
            let _ = bench.heartbeat(&members[0], generation);
            bench.advance_ms(i64::from(SESSION_MS) - 1);
        }
        let refused = bench.refused(asker);
        assert_eq!(
            (refused.error, refused.member_id.as_str()),
            (ErrorCode::UnknownMemberId, "")
        );
    }

    #[test]
    fn a_member_that_waits_is_not_blamed_for_its_silence() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(2);
        let asker = bench.send(Input::JoinGroup(rejoin(&members[0])));
        for _ in 0..3 {
            bench.advance_ms(i64::from(SESSION_MS) - 1);
            let _ = bench.heartbeat(&members[1], generation);
        }
        bench.send(Input::JoinGroup(rejoin(&members[1])));
        assert_eq!(bench.joined(asker).generation, generation + 1);
        bench.advance_ms(i64::from(SESSION_MS) - 1);
        assert_eq!(bench.heartbeat(&members[0], generation + 1), Ok(()));
    }

    #[test]
    fn if_nobody_joins_everyone_is_lost_by_silence() {
        let mut bench = Bench::new();
        let (members, _) = bench.stable(2);
        assert_eq!(bench.leave(&[(&members[0], None)]), [ErrorCode::None]);
        bench.advance_ms(i64::from(SESSION_MS));
        assert_eq!(bench.state(), "Empty");
        let (_, asker) = bench.join_new();
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.joined(asker);
    }
    #[test]
    fn static_members_without_a_rebalance_timeout_do_not_make_the_timer_spin() {
        let mut bench = Bench::new();
        let hasty = |instance_id| JoinGroup {
            rebalance_timeout_ms: 0,
            ..join_static(instance_id)
        };
        let patient = bench.send(Input::JoinGroup(join_static("i")));
        bench.advance_ms(INITIAL_DELAY_MS);
        let member_id = bench.joined(patient).member_id;
        bench.sync_all(std::slice::from_ref(&member_id), 1);
        bench.ask_join(hasty("i")).unwrap();
        bench.send(Input::JoinGroup(hasty("j")));
        assert_eq!(bench.leave(&[("", Some("j"))]), [ErrorCode::None]);
        bench.advance_ms(0);
        assert_eq!(bench.state(), "PreparingRebalance");
        bench.advance_ms(i64::from(SESSION_MS));
        assert_eq!(bench.state(), "Empty");
    }

    /// What one that joins and is never heard of again leaves for a while.
    fn left_behind(bench: &Bench) -> [usize; 4] {
        let runner = bench.rig.runner();
        let live = runner.soft();
        let groups = runner.hard().groups();
        let members = groups.filter_map(|(group_id, _)| live.group(group_id));
        let members = members.map(|group| group.members.len() + group.pending_joins.len());
        [
            runner.hard().groups().count(),
            live.group_count(),
            members.sum(),
            runner.timer_count(),
        ]
    }

    /// The most that members leave that join every second and vanish, the first hour and the second.
    fn most_left_behind(joins: impl Fn(i64) -> JoinGroup) -> [[usize; 4]; 2] {
        let mut bench = Bench::new();
        let mut most = [[0; 4]; 2];
        for second in 0..7_200 {
            // The answer, if one comes, is read by nobody.
            bench.send(Input::JoinGroup(joins(second)));
            bench.rig.commit_all();
            bench.rig.take_answers();
            bench.advance_ms(1_000);
            let most = &mut most[usize::from(second >= 3_600)];
            for (most, left) in most.iter_mut().zip(left_behind(&bench)) {
                *most = left.max(*most);
            }
        }
        bench.advance_ms(3_600_000);
        bench.advance_ms(600_000);
        bench.rig.commit_all();
        let retention_timer = 1;
        assert_eq!(left_behind(&bench), [0, 0, 0, retention_timer]);
        most
    }

    #[test]
    fn members_that_join_and_vanish_are_forgotten_as_fast_as_they_come() {
        let session_s = SESSION_MS as usize / 1_000;
        for version in [3, 9] {
            let of_one_group = |_| JoinGroup { version, ..join() };
            let [first, second] = most_left_behind(of_one_group);
            assert!(second[2] <= first[2], "{first:?} {second:?}");
            assert!(second[3] <= first[3], "{first:?} {second:?}");
            assert_eq!(second[..2], [1, 1]);
            // An id that was given out waits for a session; who never got an answer for five minutes.
            let most = if version == 9 { session_s + 1 } else { 302 };
            assert!(second[2] <= most, "version {version}: {second:?}");
        }
    }

    #[test]
    fn groups_whose_members_join_and_vanish_are_forgotten_as_fast_as_they_come() {
        for version in [3, 9] {
            let of_many_groups = |second: i64| JoinGroup {
                version,
                group_id: format!("group-{second}"),
                ..join()
            };
            let [first, second] = most_left_behind(of_many_groups);
            for (first, second) in first.iter().zip(second) {
                assert!(second <= *first, "version {version}: {first} then {second}");
            }
            // A group ends with the round of retention after its last member.
            assert!(second[0] <= 700, "version {version}: {second:?}");
        }
    }
}
