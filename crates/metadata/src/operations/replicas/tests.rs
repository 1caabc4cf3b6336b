use ottla_statemachine::rig::Rig;
use proptest::prelude::*;

use super::*;
use crate::machine::{Input, Metadata, Reply};
use crate::operations::{FenceBroker, RegisterBroker};
use crate::testing::*;

fn nodes(ids: &[i32]) -> Vec<NodeId> {
    ids.iter().copied().map(NodeId).collect()
}

fn ask(rig: &mut Rig<Metadata>, replicas: Option<&[i32]>, any_factor: bool) -> Result<(), Refused> {
    let asked = AlterReplicas {
        partitions: vec![NewReplicas {
            topic: "t".into(),
            partition: 0,
            replicas: replicas.map(nodes),
        }],
        may_change_factor: any_factor,
        is_growth: false,
    };
    match rig.ask(Input::AlterReplicas(asked)) {
        Reply::AlterReplicas(outcomes) => outcomes.into_iter().next().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn partition(rig: &Rig<Metadata>) -> Partition {
    rig.hard().topic("t").unwrap().partition(0).unwrap().clone()
}

/// The leader says who holds the partition.
fn settle(rig: &mut Rig<Metadata>, held_by: &[i32]) {
    let image = rig.hard();
    let seats = held_by.iter().map(|id| {
        let broker = image.broker(NodeId(*id)).unwrap();
        (NodeId(*id), broker.directories[0])
    });
    let settle = SettleReplicas {
        topic_id: image.topic("t").unwrap().id,
        partition: 0,
        held_by: seats.collect(),
    };
    assert_eq!(
        rig.ask(Input::SettleReplicas(settle)),
        Reply::SettleReplicas
    );
}

/// Five brokers, and a topic on the first three.
fn rig() -> Rig<Metadata> {
    let mut rig = cluster(5);
    create_one(&mut rig, new_topic("t", 1, 1)).unwrap();
    ask(&mut rig, Some(&[1, 2, 3]), true).unwrap();
    settle(&mut rig, &[1, 2, 3]);
    assert_eq!(partition(&rig).replicas, nodes(&[1, 2, 3]));
    assert!(!partition(&rig).is_moving());
    rig
}

#[test]
fn who_goes_holds_a_replica_until_the_leader_says_that_the_others_do() {
    let mut rig = rig();
    let founders = partition(&rig).founders;
    ask(&mut rig, Some(&[4, 2, 5]), false).unwrap();
    let moving = partition(&rig);
    assert_eq!(moving.replicas, nodes(&[4, 2, 5, 1, 3]));
    assert_eq!(moving.adding, nodes(&[4, 5]));
    assert_eq!(moving.removing, nodes(&[1, 3]));
    assert_eq!(moving.directory(NodeId(4)), Some(directory(4)));
    assert_eq!(rig.hard().moving().count(), 1);
    // Old news changes nothing.
    settle(&mut rig, &[1, 2, 3]);
    settle(&mut rig, &[4, 2]);
    assert_eq!(partition(&rig), moving);
    settle(&mut rig, &[5, 4, 2]);
    let settled = partition(&rig);
    assert_eq!(settled.replicas, nodes(&[4, 2, 5]));
    assert!(!settled.is_moving());
    assert_eq!(settled.founders, founders);
    assert_eq!(rig.hard().moving().count(), 0);
}

#[test]
fn a_cancelled_move_goes_back_and_lets_nobody_go_before_it_is_there() {
    let mut rig = rig();
    assert_refused(
        ask(&mut rig, None, false),
        ErrorCode::NoReassignmentInProgress,
    );
    ask(&mut rig, Some(&[4, 5]), true).unwrap();
    ask(&mut rig, None, false).unwrap();
    let back = partition(&rig);
    assert_eq!(
        back.wanted().map(|it| it.0).collect::<Vec<_>>(),
        nodes(&[1, 2, 3])
    );
    assert_eq!((back.adding, back.removing), (nodes(&[]), nodes(&[4, 5])));
    settle(&mut rig, &[1, 2, 3]);
    assert_eq!(partition(&rig).replicas, nodes(&[1, 2, 3]));
}

/// It may never have opened its replica.
#[test]
fn who_is_told_to_go_before_it_has_come_may_begin_empty_when_it_is_asked_back() {
    for other_plan in [Some(&[1, 2, 3, 5][..]), None] {
        let mut rig = rig();
        ask(&mut rig, Some(&[1, 2, 3, 4]), true).unwrap();
        assert!(partition(&rig).may_begin_empty(NodeId(4)));
        ask(&mut rig, other_plan, true).unwrap();
        assert_eq!(partition(&rig).removing, nodes(&[4]));
        assert!(partition(&rig).may_begin_empty(NodeId(4)));
        ask(&mut rig, Some(&[4, 1, 2]), true).unwrap();
        assert!(partition(&rig).may_begin_empty(NodeId(4)));
        assert!(!partition(&rig).may_begin_empty(NodeId(1)));
        settle(&mut rig, &[4, 1, 2]);
        assert!(!partition(&rig).may_begin_empty(NodeId(4)));
    }
}

#[test]
fn another_order_is_another_preferred_leader_and_moves_nothing() {
    let mut rig = rig();
    ask(&mut rig, Some(&[3, 1, 2]), false).unwrap();
    assert_eq!(partition(&rig).replicas, nodes(&[3, 1, 2]));
    assert!(!partition(&rig).is_moving());
}

#[test]
fn assignments_that_cannot_be_are_refused() {
    let mut rig = rig();
    let invalid = ErrorCode::InvalidReplicaAssignment;
    assert_refused(ask(&mut rig, Some(&[]), true), invalid);
    assert_refused(ask(&mut rig, Some(&[1, 1, 2]), true), invalid);
    assert_refused(ask(&mut rig, Some(&[1, 2, 9]), true), invalid);
    assert_refused(
        ask(&mut rig, Some(&[1, 2]), false),
        ErrorCode::InvalidReplicationFactor,
    );
    let elsewhere = AlterReplicas {
        partitions: vec![NewReplicas {
            topic: "t".into(),
            partition: 7,
            replicas: Some(nodes(&[1])),
        }],
        may_change_factor: true,
        is_growth: false,
    };
    let reply = rig.ask(Input::AlterReplicas(elsewhere));
    let Reply::AlterReplicas(outcomes) = reply else {
        panic!("{reply:?}")
    };
    assert_refused(outcomes[0].clone(), ErrorCode::UnknownTopicOrPartition);
    assert!(!partition(&rig).is_moving());
}

/// Broker `id` comes with an empty disk.
fn empty(rig: &mut Rig<Metadata>, id: i32) -> Result<i64, Refused> {
    let emptied = RegisterBroker {
        incarnation_id: Uuid::from_u128(0xeeee),
        directories: vec![Uuid::from_u128(0xeeee_0000 + u128::from(id.unsigned_abs()))],
        ..registration(id)
    };
    match rig.ask(Input::RegisterBroker(emptied)) {
        Reply::RegisterBroker(result) => result,
        other => panic!("{other:?}"),
    }
}

fn fence(rig: &mut Rig<Metadata>, id: i32) {
    let fence = FenceBroker {
        broker: NodeId(id),
        broker_epoch: rig.hard().broker(NodeId(id)).unwrap().epoch,
        fenced: true,
    };
    assert_eq!(
        rig.ask(Input::FenceBroker(fence)),
        Reply::FenceBroker(Ok(()))
    );
}

fn renew(rig: &mut Rig<Metadata>, id: i32) -> usize {
    let renew = RenewReplicas {
        broker: NodeId(id),
        broker_epoch: rig.hard().broker(NodeId(id)).unwrap().epoch,
    };
    match rig.ask(Input::RenewReplicas(renew)) {
        Reply::RenewReplicas(renewed) => renewed.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn replicas_on_an_emptied_disk_begin_anew_there() {
    let mut rig = rig();
    assert_refused(empty(&mut rig, 3), ErrorCode::DuplicateBrokerRegistration);
    fence(&mut rig, 3);
    empty(&mut rig, 3).unwrap();
    let found: Vec<_> = misplaced(rig.hard()).map(|it| (it.0, it.2)).collect();
    assert_eq!(found, [(NodeId(3), 0)]);
    assert_eq!(renew(&mut rig, 3), 1);
    assert_eq!(renew(&mut rig, 3), 0);
    let renewed = partition(&rig);
    assert_eq!(renewed.emptied, nodes(&[3]));
    assert_eq!(
        renewed.directory(NodeId(3)),
        Some(Uuid::from_u128(0xeeee_0003))
    );
    settle(&mut rig, &[1, 2, 3]);
    assert!(!partition(&rig).is_moving());
}

#[test]
fn the_only_data_stays_where_it_is() {
    let mut rig = rig();
    ask(&mut rig, Some(&[3]), true).unwrap();
    settle(&mut rig, &[3]);
    fence(&mut rig, 3);
    empty(&mut rig, 3).unwrap();
    assert_eq!(renew(&mut rig, 3), 0);
    assert_eq!(partition(&rig).directory(NodeId(3)), Some(directory(3)));
    // A newcomer's empty log is no other data.
    ask(&mut rig, Some(&[3, 4]), true).unwrap();
    assert_eq!(renew(&mut rig, 3), 0);
}

proptest! {
    #[test]
    fn whatever_is_asked_nobody_who_holds_data_is_let_go_before_the_leader_says_so(
        moves in prop::collection::vec(
            prop::option::of(prop::sample::subsequence(vec![1, 2, 3, 4, 5], 1..=4)), 1..8,
        ),
    ) {
        let mut rig = rig();
        let mut holders: BTreeSet<NodeId> = nodes(&[1, 2, 3]).into_iter().collect();
        for replicas in moves {
            let _ = ask(&mut rig, replicas.as_deref(), true);
            let now = partition(&rig);
            let held: BTreeSet<NodeId> = now.replicas.iter().copied().collect();
            prop_assert_eq!(held.len(), now.replicas.len(), "each once: {:?}", now);
            prop_assert!(holders.is_subset(&held), "{:?} held by {:?}", now, holders);
            prop_assert!(now.adding.iter().all(|node| !now.removing.contains(node)));
            prop_assert!(now.wanted().count() > 0);
            holders = held;
        }
        let wanted: Vec<i32> = partition(&rig).wanted().map(|(node, _)| node.0).collect();
        settle(&mut rig, &wanted);
        prop_assert_eq!(partition(&rig).replicas, nodes(&wanted));
    }
}
