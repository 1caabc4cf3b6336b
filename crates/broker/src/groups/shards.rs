//! The group machines on this node: one for each partition of `__consumer_offsets` that is open here.
//!
//! A task follows the table of partitions and the images: it starts a machine when its partition
//! opens, stops it when the partition goes, and tells all machines of topics that were deleted.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ottla_coordinator::config::GroupConfig;
use ottla_coordinator::machine::{Groups, Input, Reply};
use ottla_coordinator::operations::{DeletedTopic, TopicsDeleted};
use ottla_coordinator::state::State;
use ottla_metadata::image::{Delta, Image, TopicChange};
use ottla_platform::clock::Clock;
use ottla_protocol::ErrorCode;
use ottla_replication::Partition;
use ottla_statemachine::Limits;
use parking_lot::RwLock;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::lag::Lags;
use super::placement::{OFFSETS_TOPIC, partition_of};
use crate::images::Images;
use crate::limits::GROUP_REQUESTS_QUEUED_MAX;
use crate::partitions::{PartitionId, Partitions};
use crate::shard::{Questions, Shard, ShardOptions, Undecided, questions};

/// The machines, and how they are asked.
pub struct GroupShards {
    images: Arc<Images>,
    partitions: Arc<Partitions>,
    clock: Arc<dyn Clock>,
    config: Arc<GroupConfig>,
    /// Held for a look or a change.
    hosted: RwLock<BTreeMap<PartitionId, Hosted>>,
    /// Counts the moves of the table.
    moved: watch::Sender<u64>,
    /// As they were measured last.
    lags: RwLock<Arc<Lags>>,
}

/// A machine, from its partition's point of view.
enum Hosted {
    /// Its log is being read.
    Loading,
    Leading(Questions<Groups>),
    /// Its log cannot be followed.
    Failed,
}

/// The task that follows. To be stopped before the partitions are closed.
pub struct Following {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// A machine's task.
struct Running {
    partition: Partition,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl GroupShards {
    /// Starts to follow.
    pub fn start(
        images: Arc<Images>,
        partitions: Arc<Partitions>,
        clock: Arc<dyn Clock>,
        config: GroupConfig,
    ) -> (Arc<GroupShards>, Following) {
        let shards = Arc::new(GroupShards {
            images,
            partitions,
            clock,
            config: Arc::new(config),
            hosted: RwLock::default(),
            moved: watch::Sender::default(),
            lags: RwLock::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(Arc::clone(&shards).follow(stopped));
        (shards, Following { stop, task })
    }

    /// Asks the machine that holds a group. The question is queued now; the future only waits. `of`
    /// takes what is wanted out of the reply to this kind of input.
    ///
    /// # Errors
    /// Nobody can decide here and now: the client asks again, perhaps elsewhere.
    pub fn ask<T>(
        &self,
        group_id: &str,
        input: Input,
        of: fn(Reply) -> Option<T>,
    ) -> impl Future<Output = Result<T, ErrorCode>> + Send + use<T> {
        let answer = self
            .machine_of(group_id)
            .map(|questions| questions.ask(input));
        async move {
            let reply = answer?
                .await
                .map_err(|Undecided| ErrorCode::NotCoordinator)?;
            Ok(of(reply).expect("an input is answered by the reply of its name"))
        }
    }

    /// The machines that can be asked, and whether others are still being loaded.
    pub fn all(&self) -> (Vec<Questions<Groups>>, bool) {
        let hosted = self.hosted.read();
        let is_loading = hosted.values().any(|one| matches!(one, Hosted::Loading));
        let leading = hosted.values().filter_map(|one| match one {
            Hosted::Leading(questions) => Some(questions.clone()),
            Hosted::Loading | Hosted::Failed => None,
        });
        (leading.collect(), is_loading)
    }

    /// Waits until the groups of all partitions that are open here can be asked, but no longer than
    /// this: what is still being loaded then says so to who asks.
    pub async fn settle(&self, at_most: Duration) {
        let mut moved = self.moved.subscribe();
        let settled = async {
            while !self.is_settled() {
                changed(&mut moved).await;
            }
        };
        // Either is well.
        let _ = tokio::time::timeout(at_most, settled).await;
    }

    fn is_settled(&self) -> bool {
        let image = self.images.current();
        let Some(topic) = image.topic(OFFSETS_TOPIC) else {
            return true;
        };
        let hosted = self.hosted.read();
        let is_ready =
            |id: &PartitionId| matches!(hosted.get(id), Some(Hosted::Leading(_) | Hosted::Failed));
        let mut open = self.partitions.of_topic(topic.id);
        open.all(|(id, _)| is_ready(&id))
    }

    /// How far all groups are behind, as it was measured last.
    pub fn lags(&self) -> Arc<Lags> {
        Arc::clone(&self.lags.read())
    }

    pub(super) fn set_lags(&self, lags: Lags) {
        *self.lags.write() = Arc::new(lags);
    }

    pub(super) fn images(&self) -> &Images {
        &self.images
    }

    pub(super) fn partitions(&self) -> &Partitions {
        &self.partitions
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.hosted.read().len()
    }

    fn machine_of(&self, group_id: &str) -> Result<Questions<Groups>, ErrorCode> {
        let image = self.images.current();
        let topic = image
            .topic(OFFSETS_TOPIC)
            .ok_or(ErrorCode::NotCoordinator)?;
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        let id = (topic.id, partition_of(group_id, count));
        match self.hosted.read().get(&id) {
            Some(Hosted::Leading(questions)) => Ok(questions.clone()),
            Some(Hosted::Loading) => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(Hosted::Failed) => Err(ErrorCode::CoordinatorNotAvailable),
            None => Err(ErrorCode::NotCoordinator),
        }
    }

    async fn follow(self: Arc<Self>, mut stopped: oneshot::Receiver<()>) {
        let mut moves = self.partitions.moves();
        let mut published = self.images.published();
        let mut running = BTreeMap::new();
        let mut image = Arc::new(Image::default());
        loop {
            moves.mark_unchanged();
            published.mark_unchanged();
            let next = self.images.current();
            self.adjust(&next, &mut running).await;
            self.tell_deleted(&image, &next);
            image = next;
            tokio::select! {
                _ = &mut stopped => break,
                () = changed(&mut moves) => {}
                () = changed(&mut published) => {}
            }
        }
        for (_, machine) in running {
            machine.end().await;
        }
        self.hosted.write().clear();
    }

    /// Starts and stops machines so that there is one for each open partition.
    async fn adjust(self: &Arc<Self>, image: &Image, running: &mut BTreeMap<PartitionId, Running>) {
        let open: BTreeMap<PartitionId, Partition> = match image.topic(OFFSETS_TOPIC) {
            Some(topic) => self.partitions.of_topic(topic.id).collect(),
            None => BTreeMap::new(),
        };
        let is_gone = |id: &PartitionId, machine: &Running| {
            let now = open.get(id);
            // It may have been opened anew.
            now.is_none_or(|now| !now.is_same(&machine.partition))
        };
        let gone = running.iter().filter(|(id, machine)| is_gone(id, machine));
        let gone: Vec<PartitionId> = gone.map(|(id, _)| *id).collect();
        for id in gone {
            self.hosted.write().remove(&id);
            if let Some(machine) = running.remove(&id) {
                machine.end().await;
            }
        }
        for (id, partition) in open {
            running
                .entry(id)
                .or_insert_with(|| self.start_one(id, partition));
        }
    }

    fn start_one(self: &Arc<Self>, id: PartitionId, partition: Partition) -> Running {
        self.hosted.write().insert(id, Hosted::Loading);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(Arc::clone(self).run_one(id, partition.clone(), stopped));
        Running {
            partition,
            stop,
            task,
        }
    }

    async fn run_one(
        self: Arc<Self>,
        id: PartitionId,
        partition: Partition,
        stopped: oneshot::Receiver<()>,
    ) {
        let (asked, arriving) = questions(GROUP_REQUESTS_QUEUED_MAX);
        let options = ShardOptions {
            partition,
            empty: State::new(Arc::clone(&self.config)),
            follower: (),
            clock: Arc::clone(&self.clock),
            limits: Limits::default(),
        };
        let shard: Shard<Groups, ()> = Shard::new(options, arriving);
        let outcome = match shard.load().await {
            Ok(loaded) => {
                self.put(id, Hosted::Leading(asked));
                shard.run(loaded, stopped).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let partition = id.1;
            tracing::error!(topic = OFFSETS_TOPIC, partition, %error, "the groups of this partition cannot be served");
            self.put(id, Hosted::Failed);
        }
    }

    /// Notes how a machine is, unless its partition has gone meanwhile.
    fn put(&self, id: PartitionId, state: Hosted) {
        if let Some(hosted) = self.hosted.write().get_mut(&id) {
            *hosted = state;
        }
        self.moved.send_modify(|moves| *moves += 1);
    }

    /// Has all machines forget what was committed for topics that are no more.
    fn tell_deleted(&self, old: &Image, new: &Image) {
        let deleted = Delta::between(old, new).topics.into_iter();
        let topics: Vec<DeletedTopic> = deleted
            .filter_map(|change| match change {
                TopicChange::Deleted(topic) => Some(DeletedTopic {
                    name: topic.name.to_string(),
                    topic_id: topic.id,
                }),
                TopicChange::Created(_) | TopicChange::Changed { .. } => None,
            })
            .collect();
        if topics.is_empty() {
            return;
        }
        let (machines, _) = self.all();
        for machine in machines {
            tokio::spawn(forget(machine, topics.clone()));
        }
    }
}

/// One machine forgets, in as many steps as it takes.
async fn forget(machine: Questions<Groups>, topics: Vec<DeletedTopic>) {
    loop {
        let input = Input::TopicsDeleted(TopicsDeleted {
            topics: topics.clone(),
        });
        match machine.ask(input).await {
            Ok(Reply::TopicsDeleted { complete: false }) => {}
            Ok(_) | Err(Undecided) => return,
        }
    }
}

/// Waits for the next change; for ever if there will be none.
async fn changed<T>(watched: &mut watch::Receiver<T>) {
    if watched.changed().await.is_err() {
        std::future::pending().await
    }
}

impl Running {
    async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

impl Following {
    /// Stops all machines.
    pub async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
