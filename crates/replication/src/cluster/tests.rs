//! Three brokers in one process: real sockets on loopback, a simulated disk each.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ottla_platform::clock::SystemClock;
use ottla_platform::net::Listener;
use ottla_platform::sim::SimDisk;
use ottla_protocol::records::{BatchBuilder, CheckedBatch, Compression};
use ottla_protocol::types::{NodeId, TopicId};
use ottla_storage::{Frame, LogConfig, LogDir};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::{Cluster, ClusterOptions, Timing};
use crate::testing::{format, open};
use crate::transport::{Identity, Peer};
use crate::{
    AppendError, Beginning, Groups, Held, Isolation, Partition, PartitionSpec, ReplicaKey,
};

mod certainty;
mod compacting;
mod handing_over;
mod mending;
mod newcomers;

/// Some looks of a supervisor at its groups' members.
const LOOKS: Duration = Duration::from_millis(1500);

const DATA: &str = "/data";
const ALL: [i32; 3] = [1, 2, 3];
const DEADLINE: Duration = Duration::from_secs(20);

/// A broker that runs.
struct Node {
    cluster: Arc<Cluster>,
    groups: Groups,
    dir: LogDir,
    partitions: BTreeMap<u64, Partition>,
    stop: oneshot::Sender<()>,
    serving: tokio::task::JoinHandle<()>,
}

/// Three brokers, of which some run.
struct Rig {
    disks: BTreeMap<i32, SimDisk>,
    ports: BTreeMap<i32, u16>,
    /// The log directory of each.
    keys: BTreeMap<i32, ReplicaKey>,
    nodes: BTreeMap<i32, Node>,
    groups: u64,
}

impl Rig {
    /// All three run and have a replica of so many groups.
    async fn start(groups: u64) -> Rig {
        let mut rig = Rig {
            disks: BTreeMap::new(),
            ports: BTreeMap::new(),
            keys: ALL.map(|id| (id, key(id, id.unsigned_abs().into()))).into(),
            nodes: BTreeMap::new(),
            groups,
        };
        let mut listeners = BTreeMap::new();
        for id in ALL {
            let disk = SimDisk::new(1);
            format(&disk, Path::new(DATA), rig.keys[&id].directory);
            rig.disks.insert(id, disk);
            let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
            rig.ports.insert(id, listener.local_addr().unwrap().port());
            listeners.insert(id, listener);
        }
        for (id, listener) in listeners {
            rig.run(id, listener, None).await;
        }
        rig
    }

    /// Begins with its groups as it is told, or founds them.
    async fn run(&mut self, id: i32, listener: Listener, beginning: Option<Beginning>) {
        let cluster = Cluster::start(ClusterOptions {
            me: Identity {
                starts: 1,
                cluster_id: "rig".into(),
                node: NodeId(id),
                directory: self.keys[&id].directory,
                incarnation: Uuid::new_v4(),
            },
            timing: Timing::default(),
            clock: Arc::new(SystemClock::default()),
            frame_bytes_max: 8 << 20,
            control: Handle::current(),
            questions: None,
        });
        cluster.set_peers(self.peers());
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(cluster.clone().serve(listener, stopped.map(drop)));
        let dir = open(Arc::new(self.disks[&id].clone()), Path::new(DATA));
        let clock = Arc::new(SystemClock::default());
        let groups = Groups::new(NodeId(id), dir.clone(), clock, Some(cluster.clone()));
        let mut partitions = BTreeMap::new();
        for group in 1..=self.groups {
            let mut spec = self.spec(group);
            if let Some(beginning) = &beginning {
                spec.beginning = beginning.clone();
            }
            let partition = open_patiently(&groups, &spec).await;
            partitions.insert(group, partition);
        }
        let node = Node {
            cluster,
            groups,
            dir,
            partitions,
            stop,
            serving,
        };
        self.nodes.insert(id, node);
    }

    fn peers(&self) -> Vec<Peer> {
        let peer = |(id, port): (&i32, &u16)| Peer {
            node: NodeId(*id),
            host: "127.0.0.1".to_owned(),
            port: *port,
            directory: Some(self.keys[id].directory),
        };
        self.ports.iter().map(peer).collect()
    }

    /// Preferred leaders go round.
    fn spec(&self, group: u64) -> PartitionSpec {
        let preferred = i32::try_from(group % 3).unwrap();
        let replicas = (0..3).map(|rank| self.keys[&((preferred + rank) % 3 + 1)]);
        spec(group, replicas.collect())
    }

    /// All that run are told who is to hold a replica.
    fn set_members(&self, group: u64, voters: &[i32]) {
        self.set_members_while(group, voters, Held::Always);
    }

    fn set_members_while(&self, group: u64, voters: &[i32], held: Held) {
        let voters: Vec<ReplicaKey> = voters.iter().map(|id| self.keys[id]).collect();
        for node in self.nodes.values() {
            let partition = &node.partitions[&group];
            node.groups
                .set_members(partition, voters.clone(), Vec::new(), held);
        }
    }

    /// Waits until a leader has made it so.
    async fn held_by(&self, group: u64, voters: &[i32]) {
        let keys: Vec<ReplicaKey> = voters.iter().map(|id| self.keys[id]).collect();
        let is_held = |node: &Node| node.partitions[&group].is_held_by(&keys);
        let held = || self.nodes.values().any(is_held).then_some(());
        until("the members are those that were wanted", held).await;
    }

    /// A broker vanishes for the others; its data stays.
    async fn stop(&mut self, id: i32) {
        let node = self.nodes.remove(&id).unwrap();
        node.cluster.stop();
        drop(node.stop);
        node.serving.await.unwrap();
        for partition in node.partitions.into_values() {
            node.groups.close(partition).await.unwrap();
        }
        node.dir.close().unwrap();
    }

    async fn restart(&mut self, id: i32) {
        let listener = Listener::bind("127.0.0.1", self.ports[&id]).await.unwrap();
        self.run(id, listener, Some(Beginning::Continues)).await;
    }

    /// A group of one, on broker 1; the others have a replica that nobody knows.
    async fn begin_with_one(&mut self) {
        for id in ALL {
            let mut spec = spec(1, vec![self.keys[&1]]);
            if id != 1 {
                spec.replicas = ALL.map(|id| self.keys[&id]).into();
                spec.beginning = Beginning::Joins;
            }
            let node = self.nodes.get_mut(&id).unwrap();
            let partition = node.groups.open(spec).await.unwrap();
            node.partitions.insert(1, partition);
        }
    }

    /// Opens one more group's replica.
    async fn open(&mut self, id: i32, spec: PartitionSpec) -> Partition {
        let node = self.nodes.get_mut(&id).unwrap();
        let group = spec.group_id;
        let partition = node.groups.open(spec).await.unwrap();
        node.partitions.insert(group, partition.clone());
        partition
    }

    /// A broker comes back with an empty disk.
    async fn restart_emptied(&mut self, id: i32, directory: u128) {
        let disk = SimDisk::new(1);
        format(&disk, Path::new(DATA), Uuid::from_u128(directory));
        self.disks.insert(id, disk);
        self.keys.insert(id, key(id, directory));
        let listener = Listener::bind("127.0.0.1", self.ports[&id]).await.unwrap();
        self.run(id, listener, Some(Beginning::Joins)).await;
        for node in self.nodes.values() {
            node.cluster.set_peers(self.peers());
        }
    }

    /// The broker that leads a group, by the word of all that run.
    async fn leader(&self, group: u64) -> i32 {
        let agreed = || {
            let mut said = self.nodes.values().map(|node| node.cluster.leader(group));
            let first = said.next()??;
            let leads = &self.nodes.get(&first.node.0)?.partitions[&group];
            let all = said.all(|other| other.as_ref() == Some(&first));
            (all && leads.is_leader()).then_some(first.node.0)
        };
        until("a leader that all agree on", agreed).await
    }

    /// Proposes until the records are acknowledged; where they are.
    async fn produce(&self, group: u64, value: &str) -> i64 {
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "nobody takes records");
            for node in self.nodes.values() {
                let partition = &node.partitions[&group];
                match partition.propose(batch(value), None).await {
                    Ok(appended) => return appended.base_offset,
                    Err(AppendError::NotLeader | AppendError::OutcomeUnknown) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until all that run have the same entries, all committed, and gives them.
    async fn frames(&self, group: u64) -> Vec<Frame> {
        let same = || {
            let mut logs = self.nodes.values().map(|node| {
                let partition = &node.partitions[&group];
                let state = partition.log().state();
                let first = state.purged.map_or(0, |id| id.index + 1);
                let frames = partition.log().frames(first, state.next_index, usize::MAX);
                let committed = partition.watermarks().high_watermark == state.log_end_offset;
                let frames = frames.ok()?.into_iter().map(|(_, frame)| frame);
                committed.then(|| frames.collect::<Vec<_>>())
            });
            let first = logs.next()??;
            logs.all(|other| other.as_ref() == Some(&first))
                .then_some(first)
        };
        until("all replicas are equal", same).await
    }
}

/// Opens a replica, again if it could not be opened for something that passes.
async fn open_patiently(groups: &Groups, spec: &PartitionSpec) -> Partition {
    let deadline = Instant::now() + DEADLINE;
    loop {
        match groups.open(spec.clone()).await {
            Ok(partition) => return partition,
            Err(error) => assert!(error.is_passing() && Instant::now() < deadline, "{error}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + DEADLINE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

fn key(id: i32, directory: u128) -> ReplicaKey {
    ReplicaKey {
        node: NodeId(id),
        directory: Uuid::from_u128(directory),
    }
}

fn spec(group: u64, replicas: Vec<ReplicaKey>) -> PartitionSpec {
    PartitionSpec {
        topic: format!("topic{group}").into(),
        partition: 0,
        topic_id: TopicId(Uuid::from_u128(group.into())),
        group_id: group,
        beginning: Beginning::Founds(replicas.clone()),
        replicas,
        config: LogConfig {
            segment_bytes: 16 << 10,
            ..LogConfig::default()
        },
    }
}

fn batch(value: &str) -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.push(1, None, Some(value.as_bytes()), &[]);
    CheckedBatch::trusted(builder.build().unwrap())
}

/// Values of the committed records, in order.
fn values(partition: &Partition) -> Vec<String> {
    let mut values = Vec::new();
    let mut offset = partition.watermarks().log_start_offset;
    loop {
        let read = partition
            .read(offset, 1 << 20, true, Isolation::ReadUncommitted)
            .unwrap();
        if read.records.slices.is_empty() {
            return values;
        }
        offset = read.records.next_offset;
        for slice in read.records.slices {
            for batch in ottla_protocol::records::Batches(slice) {
                for record in batch.unwrap().records(1 << 20).unwrap() {
                    let value = record.unwrap().value.unwrap();
                    values.push(String::from_utf8(value.to_vec()).unwrap());
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_replicas_agree_and_all_brokers_know_who_leads_and_who_is_in_sync() {
    let rig = Rig::start(3).await;
    for group in 1..=3 {
        rig.leader(group).await;
        for number in 0..20 {
            assert_eq!(rig.produce(group, &number.to_string()).await, number);
        }
        rig.frames(group).await;
        let in_sync = || {
            let leader = rig.nodes[&1].cluster.leader(group)?;
            (leader.in_sync.len() == 3).then_some(())
        };
        until("all are in sync", in_sync).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_gone_is_replaced_and_comes_back_as_a_follower() {
    let mut rig = Rig::start(1).await;
    let mut expected = Vec::new();
    for round in 0..3 {
        let leader = rig.leader(1).await;
        for number in 0..5 {
            let value = format!("{round}-{number}");
            rig.produce(1, &value).await;
            expected.push(value);
        }
        rig.stop(leader).await;
        let value = format!("{round}-without-{leader}");
        rig.produce(1, &value).await;
        expected.push(value);
        assert_ne!(rig.leader(1).await, leader);
        rig.restart(leader).await;
    }
    rig.frames(1).await;
    for (id, node) in &rig.nodes {
        let partition = &node.partitions[&1];
        let log = partition.log().state();
        assert_eq!(values(partition), expected, "node {id}, {log:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minority_acknowledges_nothing() {
    let mut rig = Rig::start(1).await;
    rig.produce(1, "before").await;
    let leader = rig.leader(1).await;
    let partition = rig.nodes[&leader].partitions[&1].clone();
    // However long it was idle.
    sleep(Duration::from_millis(600)).await;
    assert!(!partition.leads_for_certain());
    assert!(partition.confirm_leading().await && partition.leads_for_certain());
    let others = ALL.into_iter().filter(|id| *id != leader);
    for id in others.collect::<Vec<_>>() {
        rig.stop(id).await;
    }
    let alone = partition.propose(batch("alone"), None);
    let answer = tokio::time::timeout(Duration::from_secs(2), alone).await;
    assert!(!matches!(answer, Ok(Ok(_))), "{answer:?}");
    assert_eq!(partition.watermarks().high_watermark, 1);
    let resigned = || rig.nodes[&leader].cluster.leader(1).is_none().then_some(());
    until("who hears no majority says that it leads no more", resigned).await;
    assert!(!partition.serves() && !partition.confirm_leading().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_was_away_longer_than_the_log_goes_back_starts_at_a_boundary() {
    let mut rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    let away = ALL.into_iter().find(|id| *id != leader).unwrap();
    rig.produce(1, "first").await;
    rig.frames(1).await;
    rig.stop(away).await;
    let long = "x".repeat(2_000);
    for _ in 0..40 {
        rig.produce(1, &long).await;
    }
    let leader = rig.leader(1).await;
    let partition = &rig.nodes[&leader].partitions[&1];
    partition.delete_records(35).await.unwrap();
    assert!(partition.purge().await.unwrap());
    rig.restart(away).await;
    rig.produce(1, "last").await;
    let caught_up = || {
        let replica = &rig.nodes[&away].partitions[&1];
        (replica.watermarks().high_watermark == 42).then_some(())
    };
    until("the replica has caught up", caught_up).await;
    let replica = &rig.nodes[&away].partitions[&1];
    assert!(replica.watermarks().log_start_offset > 1);
    assert_eq!(values(replica).last().unwrap(), "last");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leadership_is_handed_over_on_request() {
    let rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    rig.produce(1, "a").await;
    rig.frames(1).await;
    let successor = ALL.into_iter().find(|id| *id != leader).unwrap();
    let partition = &rig.nodes[&leader].partitions[&1];
    partition.transfer_to(NodeId(successor)).await;
    let handed = || {
        rig.nodes[&successor].partitions[&1]
            .is_leader()
            .then_some(())
    };
    until("the successor leads", handed).await;
    assert_eq!(rig.produce(1, "b").await, 1);
    rig.frames(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_came_back_and_lacks_nothing_takes_over_on_request() {
    let mut rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    rig.produce(1, "a").await;
    rig.frames(1).await;
    let successor = ALL.into_iter().find(|id| *id != leader).unwrap();
    rig.stop(successor).await;
    rig.restart(successor).await;
    assert_eq!(rig.leader(1).await, leader);
    let is_heard = || {
        let is_alive = rig.nodes[&leader].cluster.is_alive(NodeId(successor));
        is_alive.then_some(())
    };
    until("it is heard again", is_heard).await;
    let next = &rig.nodes[&successor].partitions[&1];
    let deadline = Instant::now() + DEADLINE;
    while !next.is_leader() {
        assert!(Instant::now() < deadline, "it does not lead");
        // on a busy machine a request is lost now and then, or another one leads
        for node in rig.nodes.values() {
            let asked = node.partitions[&1].transfer_to(NodeId(successor));
            asked.await;
        }
        let asked_at = Instant::now();
        while !next.is_leader() && asked_at.elapsed() < LOOKS {
            sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(rig.leader(1).await, successor);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_one_grows_to_three_and_survives_its_first_replica() {
    let mut rig = Rig::start(0).await;
    rig.begin_with_one().await;
    assert_eq!(rig.produce(1, "alone").await, 0);
    rig.set_members(1, &ALL);
    rig.held_by(1, &ALL).await;
    assert_eq!(rig.produce(1, "among three").await, 1);
    rig.frames(1).await;
    rig.stop(1).await;
    assert_eq!(rig.produce(1, "without the first").await, 2);
    rig.frames(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_moves_to_other_brokers_and_its_leader_hands_over() {
    let mut rig = Rig::start(0).await;
    rig.begin_with_one().await;
    rig.produce(1, "on the first").await;
    rig.set_members(1, &[2, 3]);
    rig.held_by(1, &[2, 3]).await;
    rig.stop(1).await;
    assert_eq!(rig.produce(1, "on the others").await, 1);
    rig.frames(1).await;
    // And back to one, which leads alone from then on.
    rig.set_members(1, &[3]);
    rig.held_by(1, &[3]).await;
    rig.stop(2).await;
    assert_eq!(rig.produce(1, "on the last").await, 2);
    let last = &rig.nodes[&3].partitions[&1];
    assert_eq!(
        values(last),
        ["on the first", "on the others", "on the last"]
    );
    assert!(last.is_alone());
    rig.stop(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_leader_decided_of_its_members_holds_in_its_epoch_alone() {
    let rig = Rig::start(1).await;
    let leader = rig.leader(1).await;
    rig.produce(1, "a").await;
    let epoch = rig.nodes[&leader].partitions[&1].leader_epoch();
    let others: Vec<i32> = ALL.into_iter().filter(|id| *id != leader).collect();
    rig.set_members_while(1, &others, Held::InEpoch(epoch - 1));
    sleep(LOOKS).await;
    assert_eq!(rig.leader(1).await, leader, "it was to hand over");
    // It hands over; its successor was told nothing in its own epoch.
    rig.set_members_while(1, &others, Held::InEpoch(epoch));
    let gone = || (!rig.nodes[&leader].partitions[&1].is_leader()).then_some(());
    until("the leader has handed over", gone).await;
    sleep(LOOKS).await;
    rig.held_by(1, &ALL).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_on_an_emptied_disk_is_nobody_until_it_is_taken_in_anew() {
    let mut rig = Rig::start(1).await;
    assert_eq!(rig.produce(1, "before").await, 0);
    rig.frames(1).await;
    rig.stop(3).await;
    assert_eq!(rig.produce(1, "without").await, 1);
    rig.restart_emptied(3, 33).await;
    // It may neither vote nor acknowledge: it has forgotten what it did.
    sleep(Duration::from_millis(300)).await;
    let emptied = rig.nodes[&3].partitions[&1].clone();
    assert_eq!(emptied.log().state().last, None);
    assert!(emptied.log().read_vote().is_none());
    rig.stop(2).await;
    let alone = rig.nodes[&1].partitions[&1].propose(batch("alone"), None);
    let answer = tokio::time::timeout(Duration::from_secs(1), alone).await;
    assert!(!matches!(answer, Ok(Ok(_))), "{answer:?}");
    rig.restart(2).await;
    rig.set_members(1, &ALL);
    rig.held_by(1, &ALL).await;
    let next = rig.produce(1, "taken in").await;
    rig.frames(1).await;
    rig.stop(1).await;
    assert_eq!(rig.produce(1, "the two").await, next + 1);
    rig.frames(1).await;
    assert_eq!(
        values(&rig.nodes[&3].partitions[&1])[..2],
        ["before", "without"]
    );
}
