//! A state machine on a partition with three replicas: one leads, all follow, and when the leader
//! goes the next one knows all that was answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ottla_metadata::image::Image;
use ottla_metadata::machine::{Input, Metadata, Reply};
use ottla_metadata::operations::{Found, RegisterBroker};
use ottla_platform::clock::{Clock, SystemClock};
use ottla_platform::disk::Disk;
use ottla_platform::net::Listener;
use ottla_platform::sim::SimDisk;
use ottla_protocol::{NodeId, TopicId};
use ottla_replication::cluster::{Cluster, ClusterOptions, Timing};
use ottla_replication::transport::{Identity, Peer};
use ottla_replication::{Beginning, Groups, Partition, PartitionSpec};
use ottla_statemachine::{Limits, Offset};
use ottla_storage::{DirectoryMeta, Drive, LogConfig, LogDir, LogDirOptions};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::partitions::keys;

use super::{Follower, Questions, Shard, ShardOptions, questions};

const ALL: [i32; 3] = [1, 2, 3];
const DEADLINE: Duration = Duration::from_secs(30);

/// Keeps the newest state that it was told.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Image>>);

impl Follower<Metadata> for Seen {
    type Mark = Image;

    fn mark(&self, image: &Image) -> Image {
        image.clone()
    }

    async fn committed(&self, image: Image, _: Offset) {
        *self.0.lock() = image;
    }
}

struct Node {
    cluster: Arc<Cluster>,
    groups: Groups,
    partition: Partition,
    questions: Questions<Metadata>,
    seen: Seen,
    stop_shard: oneshot::Sender<()>,
    shard: JoinHandle<()>,
    stop_serving: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

fn directory(node: i32) -> Uuid {
    Uuid::from_u128(1000 + u128::from(node.unsigned_abs()))
}

fn log_dir(node: i32) -> LogDir {
    let disk: Arc<dyn Disk> = Arc::new(SimDisk::new(1));
    let path = Path::new("/data");
    let meta = DirectoryMeta {
        format: DirectoryMeta::FIRST_FORMAT,
        starts: 1,
        directory_id: directory(node),
        cluster_id: "test".to_owned(),
        node_id: node,
        founding: None,
    };
    meta.write(disk.as_ref(), path).unwrap();
    let options = LogDirOptions {
        clock: Arc::new(SystemClock::default()),
        drive: Drive::Workers,
        mapped_files_max: 100,
        reserve_bytes: 0,
        on_failure: Box::new(|error| panic!("{error}")),
    };
    LogDir::open(disk, path, options).unwrap()
}

/// A partition that these brokers found.
fn spec(brokers: &[i32]) -> PartitionSpec {
    let replicas = brokers.iter().map(|id| (NodeId(*id), directory(*id)));
    let replicas = keys(replicas);
    PartitionSpec {
        topic: "machine".into(),
        partition: 0,
        topic_id: TopicId(Uuid::from_u128(9)),
        group_id: 9,
        replicas: replicas.clone(),
        beginning: Beginning::Founds(replicas),
        config: LogConfig::default(),
    }
}

impl Node {
    async fn start(id: i32, listener: Listener, peers: &BTreeMap<i32, u16>) -> Node {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let cluster = Cluster::start(ClusterOptions {
            me: Identity {
                starts: 1,
                cluster_id: "test".into(),
                node: NodeId(id),
                directory: directory(id),
                incarnation: Uuid::new_v4(),
            },
            timing: Timing::default(),
            clock: Arc::clone(&clock),
            frame_bytes_max: 8 << 20,
            control: Handle::current(),
            questions: None,
        });
        cluster.set_peers(peers.iter().map(|(id, port)| Peer {
            node: NodeId(*id),
            host: "127.0.0.1".to_owned(),
            port: *port,
            directory: Some(directory(*id)),
        }));
        let (stop_serving, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(Arc::clone(&cluster).serve(listener, stopped.map(drop)));
        let dir = log_dir(id);
        let groups = Groups::new(NodeId(id), dir, Arc::clone(&clock), Some(cluster.clone()));
        let partition = groups.open(spec(&ALL)).await.unwrap();
        let (questions, arriving) = questions(16);
        let seen = Seen::default();
        let shard = Shard::new(
            ShardOptions {
                partition: partition.clone(),
                empty: Image::default(),
                follower: seen.clone(),
                clock,
                limits: Limits::default(),
            },
            arriving,
        );
        let loaded = shard.load().await.unwrap();
        let (stop_shard, stopped) = oneshot::channel();
        let shard = tokio::spawn(async move { shard.run(loaded, stopped).await.unwrap() });
        Node {
            cluster,
            groups,
            partition,
            questions,
            seen,
            stop_shard,
            shard,
            stop_serving,
            serving,
        }
    }

    async fn stop(self) {
        self.cluster.stop();
        drop(self.stop_serving);
        self.serving.await.unwrap();
        drop(self.stop_shard);
        self.shard.await.unwrap();
        self.groups.close(self.partition).await.unwrap();
    }
}

fn registration(broker: i32) -> Input {
    Input::RegisterBroker(RegisterBroker {
        starts: 1,
        cluster_id: "test".to_owned(),
        broker: NodeId(broker),
        incarnation_id: Uuid::from_u128(broker.unsigned_abs().into()),
        endpoints: Vec::new(),
        features: Vec::new(),
        rack: None,
        directories: vec![directory(broker)],
    })
}

/// Asks everyone until somebody decides; who that was.
async fn decide(nodes: &BTreeMap<i32, Node>, input: Input) -> i32 {
    let deadline = Instant::now() + DEADLINE;
    loop {
        for (id, node) in nodes {
            match node.questions.ask(input.clone()).await {
                Ok(Reply::Found(result)) => result.unwrap(),
                Ok(Reply::RegisterBroker(result)) => drop(result.unwrap()),
                Ok(reply) => panic!("{reply:?}"),
                Err(super::Undecided) => continue,
            }
            return *id;
        }
        assert!(Instant::now() < deadline, "nobody decides");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until all know exactly these brokers.
async fn all_know(nodes: &BTreeMap<i32, Node>, brokers: &[i32]) {
    let deadline = Instant::now() + DEADLINE;
    let knows = |node: &Node| {
        let image = node.seen.0.lock();
        let known: Vec<i32> = image.brokers().map(|broker| broker.id.0).collect();
        known == brokers
    };
    while !nodes.values().all(knows) {
        assert!(Instant::now() < deadline, "not all follow");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_leader_knows_what_the_last_one_answered() {
    let mut listeners = BTreeMap::new();
    let mut ports = BTreeMap::new();
    for id in ALL {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        ports.insert(id, listener.local_addr().unwrap().port());
        listeners.insert(id, listener);
    }
    let mut nodes = BTreeMap::new();
    for (id, listener) in listeners {
        nodes.insert(id, Node::start(id, listener, &ports).await);
    }
    let found = Found {
        cluster_id: "test".to_owned(),
        features: Vec::new(),
    };
    decide(&nodes, Input::Found(found)).await;
    let leader = decide(&nodes, registration(4)).await;
    all_know(&nodes, &[4]).await;
    nodes.remove(&leader).unwrap().stop().await;
    let next = decide(&nodes, registration(5)).await;
    assert_ne!(next, leader);
    all_know(&nodes, &[4, 5]).await;
    // Leadership moves while all are well: who led sends its askers elsewhere.
    let other = ALL.into_iter().find(|id| *id != leader && *id != next);
    let other = other.unwrap();
    while !nodes[&other].partition.is_leader() {
        // A successor that is too slow does not take over; it is asked again.
        nodes[&next].partition.transfer_to(NodeId(other)).await;
        sleep(Duration::from_millis(50)).await;
    }
    decide(&nodes, registration(6)).await;
    all_know(&nodes, &[4, 5, 6]).await;
    for (_, node) in nodes {
        node.stop().await;
    }
}

/// Its asker may have asked another leader meanwhile, and something else after that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_asked_before_a_machine_leads_is_not_decided() {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let groups = Groups::new(NodeId(1), log_dir(1), Arc::clone(&clock), None);
    let partition = groups.open(spec(&[1])).await.unwrap();
    let (questions, arriving) = questions(16);
    let options = ShardOptions {
        partition: partition.clone(),
        empty: Image::default(),
        follower: Seen::default(),
        clock,
        limits: Limits::default(),
    };
    let found = Input::Found(Found {
        cluster_id: "test".to_owned(),
        features: Vec::new(),
    });
    let early = questions.ask(found.clone());
    let shard = Shard::new(options, arriving);
    let timely = questions.ask(found);
    let loaded = shard.load().await.unwrap();
    let (stop, stopped) = oneshot::channel();
    let running = tokio::spawn(async move { shard.run(loaded, stopped).await.unwrap() });
    assert!(
        early.await.is_err(),
        "a question of an earlier time is decided"
    );
    assert!(
        timely.await.is_ok(),
        "a question asked while this broker led is not decided"
    );
    drop(stop);
    running.await.unwrap();
    groups.close(partition).await.unwrap();
}
