use super::*;
use crate::config::GroupConfig;
use crate::live::Phase;
use crate::machine::Input;
use crate::testing::*;

fn refusal(error: ErrorCode, member_id: &str) -> Result<Joined, JoinRefused> {
    Err(JoinRefused::new(error, member_id))
}

#[test]
fn a_new_member_is_told_its_id_and_comes_again_with_it() {
    let mut bench = Bench::new();
    let first = join();
    let member_id = bench.member_id(&first);
    assert_eq!(member_id, format!("client-{}", first.member_uuid));
    assert_eq!(bench.state(), "Empty");
    let asker = bench.send(Input::JoinGroup(rejoin(&member_id)));
    assert_eq!(bench.state(), "PreparingRebalance");
    bench.advance_ms(INITIAL_DELAY_MS - 1);
    assert!(bench.waits(asker));
    bench.advance_ms(1);
    let joined = bench.joined(asker);
    let expected = Joined {
        member_id: member_id.clone(),
        generation: 1,
        protocol_type: Some("consumer".into()),
        protocol: Some("range".into()),
        leader: member_id.clone(),
        members: vec![JoinedMember {
            member_id,
            instance_id: None,
            metadata: subscription(&["t"]),
        }],
        skip_assignment: false,
    };
    assert_eq!(joined, expected);
    assert_eq!(bench.state(), "CompletingRebalance");
}

#[test]
fn old_versions_join_without_an_id() {
    let mut bench = Bench::new();
    let old = JoinGroup {
        version: 0,
        rebalance_timeout_ms: -1,
        ..join()
    };
    let asker = bench.send(Input::JoinGroup(old.clone()));
    bench.advance_ms(INITIAL_DELAY_MS);
    let joined = bench.joined(asker);
    assert_eq!(joined.member_id, format!("client-{}", old.member_uuid));
    let group = bench.rig.runner().soft().group(GROUP).unwrap();
    assert_eq!(
        group.members[&joined.member_id].rebalance_timeout_ms,
        SESSION_MS
    );
}

#[test]
fn a_group_is_known_to_the_log_from_its_first_join() {
    let mut bench = Bench::new();
    let member_id = bench.member_id(&join());
    bench.fail_over();
    // The group is there, but ids that were only given out are forgotten.
    assert_eq!(bench.state(), "Empty");
    assert_eq!(
        bench.ask_join(rejoin(&member_id)),
        refusal(ErrorCode::UnknownMemberId, &member_id)
    );
}

#[test]
fn what_cannot_join_is_told_why() {
    let mut bench = Bench::new();
    let cases = [
        (
            JoinGroup {
                group_id: String::new(),
                ..join()
            },
            ErrorCode::InvalidGroupId,
        ),
        (
            JoinGroup {
                session_timeout_ms: 5_999,
                ..join()
            },
            ErrorCode::InvalidSessionTimeout,
        ),
        (
            JoinGroup {
                session_timeout_ms: 1_800_001,
                ..join()
            },
            ErrorCode::InvalidSessionTimeout,
        ),
        (rejoin("stranger"), ErrorCode::UnknownMemberId),
        (
            JoinGroup {
                group_id: "g".repeat(40_000),
                ..join()
            },
            ErrorCode::UnknownServerError,
        ),
        (
            JoinGroup {
                client_id: "c".repeat(32_760),
                ..join()
            },
            ErrorCode::UnknownServerError,
        ),
    ];
    for (join, error) in cases {
        let member_id = join.member_id.clone();
        assert_eq!(bench.ask_join(join), refusal(error, &member_id));
        assert_eq!(bench.records(), 0);
    }
    for join in [
        JoinGroup {
            protocols: vec![],
            ..join()
        },
        JoinGroup {
            protocol_type: String::new(),
            ..join()
        },
    ] {
        assert_eq!(
            bench.ask_join(join),
            refusal(ErrorCode::InconsistentGroupProtocol, "")
        );
    }
}

#[test]
fn members_must_have_a_protocol_in_common() {
    let mut bench = Bench::new();
    bench.stable(1);
    for other in [
        JoinGroup {
            protocol_type: "connect".into(),
            ..join()
        },
        JoinGroup {
            protocols: vec![protocol("sticky")],
            ..join()
        },
    ] {
        assert_eq!(
            bench.ask_join(other),
            refusal(ErrorCode::InconsistentGroupProtocol, "")
        );
    }
}

#[test]
fn the_protocol_is_the_one_that_most_members_like_best() {
    let mut bench = Bench::new();
    let mut asked = Vec::new();
    for names in [["a", "b", "c"], ["b", "c", "a"], ["b", "a", "d"]] {
        let mut wish = join();
        wish.protocols = names.map(protocol).to_vec();
        wish.version = 3;
        asked.push(bench.send(Input::JoinGroup(wish)));
    }
    bench.advance_ms(INITIAL_DELAY_MS);
    bench.advance_ms(INITIAL_DELAY_MS);
    for asker in asked {
        assert_eq!(bench.joined(asker).protocol.as_deref(), Some("b"));
    }
}

#[test]
fn a_protocol_named_twice_counts_once() {
    let mut bench = Bench::new();
    let mut twice = JoinGroup {
        version: 3,
        ..join()
    };
    twice.protocols = vec![
        Protocol {
            name: "range".into(),
            metadata: Bytes::from_static(&[1]),
        },
        Protocol {
            name: "range".into(),
            metadata: Bytes::from_static(&[2]),
        },
    ];
    let asker = bench.send(Input::JoinGroup(twice));
    bench.advance_ms(INITIAL_DELAY_MS);
    assert_eq!(
        bench.joined(asker).members[0].metadata,
        Bytes::from_static(&[1])
    );
}

#[test]
fn only_the_leader_is_told_who_is_there() {
    let mut bench = Bench::new();
    let (first, first_asker) = bench.join_new();
    let (_, second_asker) = bench.join_new();
    bench.advance_ms(INITIAL_DELAY_MS);
    bench.advance_ms(INITIAL_DELAY_MS);
    let (first_joined, second_joined) = (bench.joined(first_asker), bench.joined(second_asker));
    assert_eq!(first_joined.leader, first);
    assert_eq!(second_joined.leader, first);
    assert_eq!(
        (first_joined.members.len(), second_joined.members.len()),
        (2, 0)
    );
    assert_eq!((first_joined.generation, second_joined.generation), (1, 1));
}

#[test]
fn the_initial_delay_is_extended_by_newcomers_up_to_the_rebalance_timeout() {
    let mut bench = Bench::new();
    let mut hasty = JoinGroup {
        version: 3,
        ..join()
    };
    hasty.rebalance_timeout_ms = 7_000;
    let asker = bench.send(Input::JoinGroup(hasty.clone()));
    for _ in 0..2 {
        bench.advance_ms(INITIAL_DELAY_MS - 1);
        hasty.member_uuid = join().member_uuid;
        bench.send(Input::JoinGroup(hasty.clone()));
        bench.advance_ms(1);
        assert!(bench.waits(asker));
    }
    bench.advance_ms(999);
    hasty.member_uuid = join().member_uuid;
    bench.send(Input::JoinGroup(hasty));
    assert!(bench.waits(asker));
    bench.advance_ms(1);
    assert_eq!(bench.joined(asker).members.len(), 4);
}

#[test]
fn a_member_that_asks_again_is_answered_once_more() {
    let mut bench = Bench::new();
    let (member_id, first) = bench.join_new();
    let second = bench.send(Input::JoinGroup(rejoin(&member_id)));
    assert_eq!(
        bench.refused(first),
        JoinRefused::new(ErrorCode::RebalanceInProgress, &member_id)
    );
    bench.advance_ms(INITIAL_DELAY_MS);
    assert_eq!(bench.joined(second).generation, 1);
    // The answer was lost: the generation is told again, to the leader with its members.
    let again = bench.ask_join(rejoin(&member_id)).unwrap();
    assert_eq!((again.generation, again.members.len()), (1, 1));
    assert_eq!(bench.state(), "CompletingRebalance");
}

#[test]
fn a_follower_that_says_the_same_again_disturbs_nobody() {
    let mut bench = Bench::new();
    let (members, generation) = bench.stable(2);
    let told = bench.ask_join(rejoin(&members[1])).unwrap();
    assert_eq!((told.generation, told.members.len()), (generation, 0));
    assert_eq!(bench.state(), "Stable");
}

#[test]
fn a_leader_that_joins_again_or_a_follower_that_changed_begins_a_rebalance() {
    let mut changed = protocol("range");
    changed.metadata = subscription(&["t", "u"]);
    for index in [0, 1] {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(2);
        let mut wish = rejoin(&members[index]);
        if index == 1 {
            wish.protocols = vec![changed.clone()];
        }
        let first = bench.send(Input::JoinGroup(wish));
        assert!(bench.waits(first));
        assert_eq!(
            bench.heartbeat(&members[1 - index], generation),
            Err(ErrorCode::RebalanceInProgress)
        );
        let second = bench.send(Input::JoinGroup(rejoin(&members[1 - index])));
        assert_eq!(bench.joined(first).generation, generation + 1);
        assert_eq!(bench.joined(second).generation, generation + 1);
    }
}

#[test]
fn a_change_while_the_leader_assigns_begins_again() {
    let mut bench = Bench::new();
    let (first, first_asker) = bench.join_new();
    let (second, _) = bench.join_new();
    bench.advance_ms(INITIAL_DELAY_MS);
    bench.advance_ms(INITIAL_DELAY_MS);
    assert_eq!(bench.joined(first_asker).generation, 1);
    let waiting = bench.send(Input::SyncGroup(sync(&second, 1)));
    let mut changed = rejoin(&first);
    changed.protocols[0].metadata = subscription(&["u"]);
    bench.send(Input::JoinGroup(changed));
    assert_eq!(bench.synced(waiting), Err(ErrorCode::RebalanceInProgress));
    assert_eq!(bench.state(), "PreparingRebalance");
}

#[test]
fn a_group_takes_no_more_members_than_it_may_have() {
    let config = GroupConfig {
        max_size: 2,
        ..GroupConfig::default()
    };
    let mut bench = Bench::with(config);
    let (members, _) = bench.stable(2);
    assert_eq!(
        bench.ask_join(join()),
        refusal(ErrorCode::GroupMaxSizeReached, "")
    );
    assert!(bench.ask_join(rejoin(&members[1])).is_ok());

    let late = JoinGroup {
        version: 3,
        ..join()
    };
    assert_eq!(
        bench.ask_join(late),
        refusal(ErrorCode::GroupMaxSizeReached, "")
    );
}

#[test]
fn a_group_that_was_made_smaller_loses_the_last_to_join() {
    let limits = ottla_statemachine::Limits::default();
    let mut roomy = Bench::new();
    let (members, generation) = roomy.stable(3);
    let mut replay = ottla_statemachine::Replay::<Groups>::new(
        State::new(std::sync::Arc::new(GroupConfig {
            max_size: 2,
            ..GroupConfig::default()
        })),
        ottla_statemachine::Offset::ZERO,
    );
    for record in roomy.rig.records() {
        let at = replay.next_offset();
        replay.load(at, record);
    }
    let end = replay.next_offset();
    let mut runner = replay.lead::<usize>(Timestamp(0), end, limits).runner;
    assert!(matches!(
        runner.soft().group(GROUP).unwrap().phase,
        Phase::PreparingRebalance { initial: false, .. }
    ));
    let mut replies = Vec::new();
    for (index, member_id) in members.iter().enumerate() {
        let step = runner.step(Timestamp(1), Input::JoinGroup(rejoin(member_id)), index);
        replies.extend(step.unwrap().replies);
    }
    let told: Vec<_> = replies
        .into_iter()
        .map(|free| (free.token, free.reply))
        .collect();
    let refused = JoinRefused::new(ErrorCode::GroupMaxSizeReached, "");
    assert_eq!(told[0], (2, Reply::JoinGroup(Err(refused))));
    let group = runner.soft().group(GROUP).unwrap();
    assert_eq!((group.members.len(), group.generation), (2, generation));
    while runner
        .fire_timer(Timestamp(i64::from(REBALANCE_MS)))
        .is_some()
    {}
    assert_eq!(
        runner.soft().group(GROUP).unwrap().generation,
        generation + 1
    );
}

#[test]
fn ids_that_nobody_uses_are_bounded_and_expire() {
    let mut bench = Bench::new();
    let first = bench.member_id(&join());
    for _ in 1..PENDING_MEMBERS_MAX {
        bench.send(Input::JoinGroup(join()));
    }
    assert_eq!(
        bench.ask_join(join()),
        refusal(ErrorCode::GroupMaxSizeReached, "")
    );
    bench.advance_ms(i64::from(SESSION_MS));
    assert!(bench.rig.runner().soft().group(GROUP).is_none());
    assert_eq!(
        bench.ask_join(rejoin(&first)),
        refusal(ErrorCode::UnknownMemberId, &first)
    );
    bench.member_id(&join());
}

#[test]
fn an_unused_id_holds_a_rebalance_up_until_it_expires() {
    let mut bench = Bench::new();
    let (members, _) = bench.stable(1);
    bench.member_id(&join());
    let asker = bench.send(Input::JoinGroup(rejoin(&members[0])));
    assert!(bench.waits(asker));
    bench.advance_ms(i64::from(SESSION_MS));
    assert_eq!(bench.joined(asker).generation, 2);
}
