//! The partitions that this node has replicas of.
//!
//! Their table follows the metadata: a task takes the changes that the planner made of each new image
//! and opens, configures and deletes replicas. Changes of one topic are carried out in order, those
//! of different topics at the same time. What cannot be opened is offline, with one line about it;
//! the others are not touched.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use ottla_metadata::image::Configs;
use ottla_metadata::reconcile::{self, Change, ReplicaId};
use ottla_platform::seed::HashMap;
use ottla_protocol::{NodeId, TopicId};
use ottla_replication::{Beginning, Groups, Held, Partition, PartitionSpec, ReplicaKey};
use parking_lot::RwLock;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::limits::{CHANGES_QUEUED_MAX, OPENING_AT_ONCE_MAX};
use crate::settings::Settings;

/// Names a partition, past the deletion of its topic.
pub type PartitionId = (TopicId, i32);

/// A replica that is open here, with its topic's settings.
#[derive(Clone)]
pub struct Replica {
    /// The replica.
    pub partition: Partition,
    /// What its topic's configuration means here.
    pub settings: Arc<Settings>,
}

/// Why there is no replica to talk to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Absence {
    /// Not here, or not open yet.
    NotHere,
    /// Its log cannot be used.
    Offline,
}

enum Hosted {
    Open(Replica),
    Offline,
}

/// Makes a topic's settings of what it overrides.
pub type Resolve = Box<dyn Fn(&Configs) -> Settings + Send + Sync>;

/// The table of this node's replicas.
pub struct Partitions {
    groups: Groups,
    resolve: Resolve,
    /// Held for a look or a change, never while something is opened.
    hosted: RwLock<HashMap<PartitionId, Hosted>>,
    /// Counts the moves of the table.
    moved: watch::Sender<u64>,
    opening: Semaphore,
}

/// Where the plans for new images go, in the order of the images.
pub type Plans = mpsc::Sender<Vec<Change>>;

impl Partitions {
    /// An empty table.
    pub fn new(groups: Groups, resolve: Resolve) -> Self {
        Partitions {
            groups,
            resolve,
            hosted: RwLock::default(),
            moved: watch::Sender::default(),
            opening: Semaphore::new(OPENING_AT_ONCE_MAX),
        }
    }

    /// Starts the task that carries out plans. It ends when the sender is gone and all is done.
    pub fn follow(self: &Arc<Self>) -> (Plans, tokio::task::JoinHandle<()>) {
        let (plans, arriving) = mpsc::channel(CHANGES_QUEUED_MAX);
        (plans, tokio::spawn(follow(Arc::clone(self), arriving)))
    }

    /// The replica of a partition.
    pub fn find(&self, topic_id: TopicId, partition: i32) -> Result<Replica, Absence> {
        match self.hosted.read().get(&(topic_id, partition)) {
            Some(Hosted::Open(replica)) => Ok(replica.clone()),
            Some(Hosted::Offline) => Err(Absence::Offline),
            None => Err(Absence::NotHere),
        }
    }

    /// All replicas that are open.
    pub fn open(&self) -> Vec<Replica> {
        let hosted = self.hosted.read();
        let open = hosted.values().filter_map(|hosted| match hosted {
            Hosted::Open(replica) => Some(replica.clone()),
            Hosted::Offline => None,
        });
        open.collect()
    }

    /// The replicas of a topic that are open.
    pub fn of_topic(&self, topic_id: TopicId) -> impl Iterator<Item = (PartitionId, Partition)> {
        let hosted = self.hosted.read();
        let open = hosted.iter().filter_map(|(id, hosted)| match hosted {
            Hosted::Open(replica) if id.0 == topic_id => Some((*id, replica.partition.clone())),
            Hosted::Open(_) | Hosted::Offline => None,
        });
        open.collect::<Vec<_>>().into_iter()
    }

    /// Tells of each move of the table.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// All replicas that are open, with their names.
    pub fn open_by_id(&self) -> Vec<(PartitionId, Replica)> {
        let hosted = self.hosted.read();
        let open = hosted.iter().filter_map(|(id, hosted)| match hosted {
            Hosted::Open(replica) => Some((*id, replica.clone())),
            Hosted::Offline => None,
        });
        open.collect()
    }

    /// How many replicas are open, and how many are offline.
    pub fn count(&self) -> (usize, usize) {
        let hosted = self.hosted.read();
        let open = hosted
            .values()
            .filter(|hosted| matches!(hosted, Hosted::Open(_)))
            .count();
        (open, hosted.len() - open)
    }

    /// How many partitions are led here.
    pub fn led(&self) -> usize {
        let hosted = self.hosted.read();
        let leads = |hosted: &&Hosted| match hosted {
            Hosted::Open(replica) => replica.partition.is_leader(),
            Hosted::Offline => false,
        };
        hosted.values().filter(leads).count()
    }

    /// Waits until each of these is open or known to be offline; whether that was before the
    /// deadline.
    pub async fn wait_for(&self, wanted: &[PartitionId], deadline: Instant) -> bool {
        let mut moved = self.moved.subscribe();
        loop {
            moved.mark_unchanged();
            {
                let hosted = self.hosted.read();
                if wanted.iter().all(|id| hosted.contains_key(id)) {
                    return true;
                }
            }
            if !matches!(timeout_at(deadline, moved.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
    }

    /// Closes all logs in order. Nothing is served afterwards.
    pub async fn close(&self) {
        let all = std::mem::take(&mut *self.hosted.write());
        let closing = all.into_iter().filter_map(|(id, hosted)| match hosted {
            Hosted::Open(replica) => Some(self.close_one(id, replica.partition)),
            Hosted::Offline => None,
        });
        join_all(closing).await;
    }

    async fn close_one(&self, (topic_id, partition): PartitionId, replica: Partition) {
        let _turn = self.turn().await;
        if let Err(error) = self.groups.close(replica).await {
            tracing::error!(topic = %topic_id, partition, %error, "a log was not closed in order");
        }
    }

    async fn turn(&self) -> tokio::sync::SemaphorePermit<'_> {
        self.opening
            .acquire()
            .await
            .expect("nobody closes this semaphore")
    }

    fn put(&self, id: &ReplicaId, hosted: Hosted) {
        self.hosted
            .write()
            .insert((id.topic_id, id.partition), hosted);
        self.moved.send_modify(|moves| *moves += 1);
    }

    async fn carry_out(&self, change: Change) {
        let _turn = self.turn().await;
        match change {
            Change::Open(replica) => self.open_one(replica).await,
            Change::Delete(id) => self.delete_one(id).await,
            Change::Offline(replica) => {
                let (topic, partition) = (&replica.id.topic, replica.id.partition);
                let directory = replica.directory;
                tracing::error!(
                    %topic, partition, %directory,
                    "partition offline: its log directory is not here",
                );
                self.put(&replica.id, Hosted::Offline);
            }
            Change::Configure {
                topic_id,
                partitions,
                configs,
                ..
            } => self.configure(topic_id, partitions, &configs),
            Change::Resize { id, wanted } => {
                if let Ok(replica) = self.find(id.topic_id, id.partition) {
                    self.groups.set_members(
                        &replica.partition,
                        keys(wanted),
                        Vec::new(),
                        Held::Always,
                    );
                }
            }
        }
    }

    async fn open_one(&self, replica: reconcile::Replica) {
        let settings = Arc::new((self.resolve)(&replica.configs));
        let spec = PartitionSpec {
            topic: Arc::clone(&replica.id.topic),
            partition: replica.id.partition,
            topic_id: replica.id.topic_id,
            group_id: replica.group_id,
            replicas: keys(replica.wanted),
            beginning: match replica.beginning {
                reconcile::Beginning::Founds(founders) => Beginning::Founds(keys(founders)),
                reconcile::Beginning::Joins => Beginning::Joins,
                reconcile::Beginning::Continues => Beginning::Continues,
            },
            config: settings.log().clone(),
        };
        let hosted = match self.groups.open(spec).await {
            Ok(partition) => {
                partition.set_throttled(settings.throttled(replica.id.partition));
                Hosted::Open(Replica {
                    partition,
                    settings,
                })
            }
            Err(error) => {
                let (topic, partition) = (&replica.id.topic, replica.id.partition);
                tracing::error!(%topic, partition, %error, "partition offline");
                Hosted::Offline
            }
        };
        self.put(&replica.id, hosted);
    }

    async fn delete_one(&self, id: ReplicaId) {
        let hosted = self.hosted.write().remove(&(id.topic_id, id.partition));
        self.moved.send_modify(|moves| *moves += 1);
        let Some(Hosted::Open(replica)) = hosted else {
            return;
        };
        if let Err(error) = self.groups.delete(replica.partition).await {
            let (topic, partition) = (&id.topic, id.partition);
            tracing::error!(%topic, partition, %error, "a deleted partition's log is still there");
        }
    }

    fn configure(&self, topic_id: TopicId, partitions: i32, configs: &Configs) {
        let settings = Arc::new((self.resolve)(configs));
        let mut all = self.hosted.write();
        for number in 0..partitions {
            if let Some(Hosted::Open(replica)) = all.get_mut(&(topic_id, number)) {
                replica.partition.set_config(settings.log().clone());
                replica.partition.set_throttled(settings.throttled(number));
                replica.settings = Arc::clone(&settings);
            }
        }
    }
}

/// Replicas as their groups name them.
pub(crate) fn keys(seats: impl IntoIterator<Item = (NodeId, Uuid)>) -> Vec<ReplicaKey> {
    let key = |(node, directory)| ReplicaKey { node, directory };
    seats.into_iter().map(key).collect()
}

async fn follow(partitions: Arc<Partitions>, mut arriving: mpsc::Receiver<Vec<Change>>) {
    let mut plans = Vec::new();
    while arriving.recv_many(&mut plans, CHANGES_QUEUED_MAX).await > 0 {
        let topics = by_topic(plans.drain(..).flatten());
        join_all(
            topics
                .into_values()
                .map(|changes| in_order(&partitions, changes)),
        )
        .await;
    }
}

/// Deletions under a topic's name go before what comes under it again, so the name decides.
fn by_topic(changes: impl Iterator<Item = Change>) -> BTreeMap<Arc<str>, Vec<Change>> {
    let mut topics: BTreeMap<Arc<str>, Vec<Change>> = BTreeMap::new();
    for change in changes {
        let name = match &change {
            Change::Delete(id) | Change::Resize { id, .. } => &id.topic,
            Change::Open(replica) | Change::Offline(replica) => &replica.id.topic,
            Change::Configure { topic, .. } => topic,
        };
        topics.entry(Arc::clone(name)).or_default().push(change);
    }
    topics
}

/// Neighbours of the same kind are about different partitions and need no order among them.
async fn in_order(partitions: &Partitions, changes: Vec<Change>) {
    let mut changes = changes.into_iter().peekable();
    while let Some(first) = changes.next() {
        let kind = std::mem::discriminant(&first);
        let mut alike = vec![first];
        while let Some(next) = changes.next_if(|next| std::mem::discriminant(next) == kind) {
            alike.push(next);
        }
        join_all(alike.into_iter().map(|change| partitions.carry_out(change))).await;
    }
}
