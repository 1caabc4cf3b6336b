//! The table of replicas, and what is done to each.

use std::sync::Arc;

use futures::future::join_all;
use ottla_metadata::image::Configs;
use ottla_metadata::reconcile::{self, Change, ReplicaId};
use ottla_platform::seed::HashMap;
use ottla_protocol::{NodeId, TopicId};
use ottla_replication::{Beginning, Groups, Held, OpenError, Partition, PartitionSpec, ReplicaKey};
use parking_lot::RwLock;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::limits::OPENING_AT_ONCE_MAX;
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

/// A replica that the metadata gives this node.
struct Hosted {
    /// How the metadata describes it.
    described: reconcile::Replica,
    state: State,
}

enum State {
    Open(Replica),
    /// Until the next start.
    Offline,
    /// Until there is room on the disk.
    Waiting,
}

impl Hosted {
    fn open(&self) -> Option<&Replica> {
        match &self.state {
            State::Open(replica) => Some(replica),
            State::Offline | State::Waiting => None,
        }
    }

    /// Whether there is nothing to it but that it was not, or is no more, open.
    fn is_to_be_opened(&self) -> bool {
        match &self.state {
            State::Open(replica) => replica.partition.stopped_by().is_some(),
            State::Offline => false,
            State::Waiting => true,
        }
    }
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

    /// The replica of a partition.
    pub fn find(&self, topic_id: TopicId, partition: i32) -> Result<Replica, Absence> {
        let hosted = self.hosted.read();
        let found = hosted.get(&(topic_id, partition)).ok_or(Absence::NotHere)?;
        found.open().cloned().ok_or(Absence::Offline)
    }

    /// All replicas that are open.
    pub fn open(&self) -> Vec<Replica> {
        let hosted = self.hosted.read();
        hosted.values().filter_map(Hosted::open).cloned().collect()
    }

    /// The replicas of a topic that are open.
    pub fn of_topic(&self, topic_id: TopicId) -> impl Iterator<Item = (PartitionId, Partition)> {
        let hosted = self.hosted.read();
        let of_it = hosted.iter().filter(|(id, _)| id.0 == topic_id);
        let open = of_it.filter_map(|(id, hosted)| Some((*id, hosted.open()?.partition.clone())));
        open.collect::<Vec<_>>().into_iter()
    }

    /// Tells of each move of the table.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// All replicas that are open, with their names.
    pub fn open_by_id(&self) -> Vec<(PartitionId, Replica)> {
        let hosted = self.hosted.read();
        let open = hosted
            .iter()
            .filter_map(|(id, hosted)| Some((*id, hosted.open()?.clone())));
        open.collect()
    }

    /// How many replicas are open, and how many are offline.
    pub fn count(&self) -> (usize, usize) {
        let hosted = self.hosted.read();
        let open = hosted.values().filter_map(Hosted::open).count();
        (open, hosted.len() - open)
    }

    /// How many partitions are led here.
    pub fn led(&self) -> usize {
        let hosted = self.hosted.read();
        let open = hosted.values().filter_map(Hosted::open);
        open.filter(|replica| replica.partition.is_leader()).count()
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

    /// As [`Partitions::wait_for`], of what is wanted by the newest of the images that are published
    /// meanwhile: a partition may be deleted before it was open.
    pub async fn wait_for_newest(
        &self,
        wanted: impl Fn() -> Vec<PartitionId>,
        mut published: watch::Receiver<i64>,
        deadline: Instant,
    ) -> bool {
        loop {
            published.mark_unchanged();
            let wanted = wanted();
            tokio::select! {
                are_there = self.wait_for(&wanted, deadline) => return are_there,
                Ok(()) = published.changed() => {}
            }
        }
    }

    /// Closes all logs in order. Nothing is served afterwards.
    pub async fn close(&self) {
        let all = std::mem::take(&mut *self.hosted.write());
        let closing = all
            .into_iter()
            .filter_map(|(id, hosted)| match hosted.state {
                State::Open(replica) => Some(self.close_one(id, replica.partition)),
                State::Offline | State::Waiting => None,
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

    fn put(&self, described: reconcile::Replica, state: State) {
        let id = (described.id.topic_id, described.id.partition);
        self.hosted.write().insert(id, Hosted { described, state });
        self.moved.send_modify(|moves| *moves += 1);
    }

    pub(super) async fn carry_out(&self, change: Change) {
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
                self.put(replica, State::Offline);
            }
            Change::Configure {
                topic_id,
                partitions,
                configs,
                ..
            } => self.configure(topic_id, partitions, &configs),
            Change::Resize { id, wanted } => self.resize(&id, wanted),
        }
    }

    async fn open_one(&self, described: reconcile::Replica) {
        let opened = self.try_to_open(&described).await;
        let state = opened.unwrap_or_else(|error| {
            let (topic, partition) = (&described.id.topic, described.id.partition);
            if error.is_passing() {
                tracing::error!(%topic, partition, %error, "partition offline until it can be opened");
                State::Waiting
            } else {
                tracing::error!(%topic, partition, %error, "partition offline");
                State::Offline
            }
        });
        self.put(described, state);
    }

    async fn try_to_open(&self, described: &reconcile::Replica) -> Result<State, OpenError> {
        let settings = Arc::new((self.resolve)(&described.configs));
        let spec = PartitionSpec {
            topic: Arc::clone(&described.id.topic),
            partition: described.id.partition,
            topic_id: described.id.topic_id,
            group_id: described.group_id,
            replicas: keys(described.wanted.iter().copied()),
            beginning: match &described.beginning {
                reconcile::Beginning::Founds(founders) => {
                    Beginning::Founds(keys(founders.iter().copied()))
                }
                reconcile::Beginning::Joins => Beginning::Joins,
                reconcile::Beginning::Continues => Beginning::Continues,
            },
            config: settings.log().clone(),
        };
        let partition = self.groups.open(spec).await?;
        partition.set_throttled(settings.throttled(described.id.partition));
        Ok(State::Open(Replica {
            partition,
            settings,
        }))
    }

    /// Opens what could not be opened for lack of room, and closes what has stopped, to be opened next
    /// time, when nobody holds it any more. The first that still cannot be opened ends the round, and
    /// is returned: the next begins after it.
    pub(super) async fn mend(&self, after: Option<PartitionId>) -> Option<PartitionId> {
        for id in self.broken(after) {
            let (topic_id, partition) = id;
            if let Ok(replica) = self.find(topic_id, partition) {
                self.give_up(id, replica.partition).await;
            } else if self.open_again(id).await.is_err() {
                return Some(id);
            }
        }
        None
    }

    /// What is to be opened, in order, beginning after this one.
    fn broken(&self, after: Option<PartitionId>) -> Vec<PartitionId> {
        if self.groups.dir().failure().is_some() {
            return Vec::new();
        }
        let hosted = self.hosted.read();
        let broken = hosted.iter().filter(|(_, hosted)| hosted.is_to_be_opened());
        let mut broken: Vec<PartitionId> = broken.map(|(id, _)| *id).collect();
        broken.sort_unstable_by_key(|id| (after.is_some_and(|after| *id <= after), *id));
        broken
    }

    async fn give_up(&self, id: PartitionId, replica: Partition) {
        if let Some(hosted) = self.hosted.write().get_mut(&id) {
            hosted.state = State::Waiting;
            let (topic, partition) = (&hosted.described.id.topic, id.1);
            let reason = replica.stopped_by();
            tracing::error!(%topic, partition, reason, "partition offline until it is opened anew");
        }
        self.moved.send_modify(|moves| *moves += 1);
        self.close_one(id, replica).await;
    }

    async fn open_again(&self, id: PartitionId) -> Result<(), OpenError> {
        let described = self.hosted.read().get(&id).map(|it| it.described.clone());
        let Some(described) = described else {
            return Ok(());
        };
        let _turn = self.turn().await;
        let opened = self.try_to_open(&described).await;
        let (topic, partition) = (&described.id.topic, described.id.partition);
        let state = match opened {
            Ok(open) => {
                tracing::info!(%topic, partition, "partition open again");
                open
            }
            Err(error) if error.is_passing() => return Err(error),
            Err(error) => {
                tracing::error!(%topic, partition, %error, "partition offline");
                State::Offline
            }
        };
        self.put(described, state);
        Ok(())
    }

    async fn delete_one(&self, id: ReplicaId) {
        let hosted = self.hosted.write().remove(&(id.topic_id, id.partition));
        self.moved.send_modify(|moves| *moves += 1);
        let Some(State::Open(replica)) = hosted.map(|hosted| hosted.state) else {
            return;
        };
        if let Err(error) = self.groups.delete(replica.partition).await {
            let (topic, partition) = (&id.topic, id.partition);
            tracing::error!(%topic, partition, %error, "a deleted partition's log is still there");
        }
    }

    fn resize(&self, id: &ReplicaId, wanted: Vec<(NodeId, Uuid)>) {
        let mut all = self.hosted.write();
        let Some(hosted) = all.get_mut(&(id.topic_id, id.partition)) else {
            return;
        };
        if let State::Open(replica) = &hosted.state {
            let voters = keys(wanted.iter().copied());
            let replica = &replica.partition;
            self.groups
                .set_members(replica, voters, Vec::new(), Held::Always);
        }
        hosted.described.wanted = wanted;
    }

    fn configure(&self, topic_id: TopicId, partitions: i32, configs: &Arc<Configs>) {
        let settings = Arc::new((self.resolve)(configs));
        let mut all = self.hosted.write();
        for number in 0..partitions {
            let Some(hosted) = all.get_mut(&(topic_id, number)) else {
                continue;
            };
            hosted.described.configs = Arc::clone(configs);
            if let State::Open(replica) = &mut hosted.state {
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
