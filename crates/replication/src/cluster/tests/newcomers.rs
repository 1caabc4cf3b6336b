//! Who came later than the group began.

use openraft::vote::RaftVote;
use ottla_platform::disk::Disk;
use ottla_storage::{Log, OnDamage};

use super::*;
use crate::codec::encode_vote;
use crate::types::{LeaderId, Member, Term, Vote};

/// The metadata has not taken note of them yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn newcomers_that_have_caught_up_lead_when_all_begin_again() {
    let mut rig = Rig::start(0).await;
    rig.begin_with_one().await;
    rig.produce(1, "alone").await;
    rig.set_members(1, &ALL);
    rig.held_by(1, &ALL).await;
    rig.produce(1, "among three").await;
    rig.frames(1).await;
    let file = Path::new(DATA).join("topic1-0").join("whole");
    let is_noted = |id: i32| rig.disks[&id].exists(&file).unwrap();
    let noted = || (is_noted(2) && is_noted(3)).then_some(());
    until("they know that they have everything", noted).await;
    for id in ALL {
        rig.stop(id).await;
    }
    rig.groups = 1;
    for id in [2, 3] {
        let listener = Listener::bind("127.0.0.1", rig.ports[&id]).await.unwrap();
        rig.run(id, listener, Some(Beginning::Joins)).await;
    }
    assert_eq!(rig.produce(1, "without the first").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_names_an_earlier_replica_of_the_broker_makes_nobody_a_leader() {
    let mut rig = Rig::start(0).await;
    rig.begin_with_one().await;
    assert_eq!(rig.produce(1, "alone").await, 0);
    let others = [2, 3].map(|id| rig.keys[&id]);
    let mut again = spec(1, [&[rig.keys[&1]], &others[..]].concat());
    // By its log it votes alone; but it has that log from others, as far as it goes.
    again.beginning = Beginning::Joins;
    rig.stop(1).await;
    rig.restart(1).await;
    let joins = rig.open(1, again.clone()).await;
    sleep(LOOKS).await;
    assert!(!joins.is_leader());
    rig.stop(1).await;
    // By its log, the one that votes alone is on another disk.
    let disk = rig.disks[&1].clone();
    format(&disk, Path::new(DATA), Uuid::from_u128(11));
    rig.restart(1).await;
    again.beginning = Beginning::Continues;
    let moved = rig.open(1, again.clone()).await;
    sleep(LOOKS).await;
    assert!(!moved.is_leader());
    rig.stop(1).await;
    format(&disk, Path::new(DATA), rig.keys[&1].directory);
    rig.restart(1).await;
    let same = rig.open(1, again).await;
    until("it leads", || same.is_leader().then_some(())).await;
}

/// A crash came after votes were saved and before the first entry was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_which_all_have_voted_and_nobody_has_an_entry_is_founded_all_the_same() {
    let mut rig = Rig::start(0).await;
    let spec = rig.spec(1);
    let identity = ottla_storage::Identity {
        topic_id: spec.topic_id.0,
        partition: spec.partition,
        group_id: spec.group_id,
    };
    let leader = LeaderId {
        term: Term(1),
        voted_for: Member(1),
    };
    let vote = encode_vote(&Vote::from_leader_id(leader, false));
    for node in rig.nodes.values() {
        let (config, refuse) = (spec.config.clone(), OnDamage::Refuse);
        let opened = Log::open(&node.dir, "topic1-0", identity, config, refuse);
        let (log, _) = opened.unwrap();
        log.save_vote(vote.clone(), Box::new(|saved| saved.unwrap()));
        log.close().unwrap();
    }
    for id in ALL {
        let spec = rig.spec(1);
        rig.open(id, spec).await;
    }
    assert_eq!(rig.produce(1, "in spite of that").await, 0);
    rig.frames(1).await;
}
