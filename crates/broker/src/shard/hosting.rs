//! The machines of an internal topic on this node: one for each of its partitions that is open here.
//!
//! A task follows the table of partitions and the images: it starts a machine when its partition
//! opens, and stops it when the partition goes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::image::Image;
use ottla_platform::clock::Clock;
use ottla_protocol::ErrorCode;
use ottla_replication::Partition;
use ottla_statemachine::Limits;
use parking_lot::RwLock;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::handle::{Questions, Undecided, questions};
use super::machine::Logged;
use super::placement::partition_of;
use super::task::{Shard, ShardOptions};
use crate::images::Images;
use crate::limits::SHARD_REQUESTS_QUEUED_MAX;
use crate::partitions::{PartitionId, Partitions};

/// Where machines live, and what one is of an empty log.
pub struct HostingOptions<M: Logged> {
    /// The internal topic whose partitions hold their logs.
    pub topic: &'static str,
    /// The cluster as this node knows it.
    pub images: Arc<Images>,
    /// The partitions that this node has replicas of.
    pub partitions: Arc<Partitions>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// The state of an empty log.
    pub empty: M::Hard,
}

/// The machines, and how they are asked.
pub struct Hosting<M: Logged> {
    options: HostingOptions<M>,
    /// Held for a look or a change.
    hosted: RwLock<BTreeMap<PartitionId, Hosted<M>>>,
    /// Counts the moves of the table.
    moved: watch::Sender<u64>,
}

/// A machine, from its partition's point of view.
enum Hosted<M: Logged> {
    /// Its log is being read.
    Loading,
    /// It can be asked.
    Following(Hosts<M>),
    /// Its log cannot be followed.
    Failed,
}

/// A machine that can be asked, and what holds its log.
pub struct Hosts<M: Logged> {
    /// Asks it.
    pub questions: Questions<M>,
    /// Holds its log.
    pub partition: Partition,
}

impl<M: Logged> Clone for Hosts<M> {
    fn clone(&self) -> Self {
        Hosts {
            questions: self.questions.clone(),
            partition: self.partition.clone(),
        }
    }
}

/// The task that follows. To be stopped before the partitions are closed.
pub struct HostingTask {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// A machine's task.
struct Running {
    partition: Partition,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl<M: Logged<Hard: Clone>> Hosting<M> {
    /// Starts to follow. What is new in each image is told as it comes: first the image before.
    pub fn start(
        options: HostingOptions<M>,
        tell: impl Fn(&Self, &Image, &Image) + Send + 'static,
    ) -> (Arc<Self>, HostingTask) {
        let hosting = Arc::new(Hosting {
            options,
            hosted: RwLock::default(),
            moved: watch::Sender::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(Arc::clone(&hosting).follow(tell, stopped));
        (hosting, HostingTask { stop, task })
    }

    /// Asks the machine that holds a key. The question is queued now; the future only waits. `of`
    /// takes what is wanted out of the reply to this kind of input.
    ///
    /// # Errors
    /// Nobody can decide here and now: the client asks again, perhaps elsewhere.
    pub fn ask<T>(
        &self,
        key: &str,
        input: M::Input,
        of: fn(M::Reply) -> Option<T>,
    ) -> impl Future<Output = Result<T, ErrorCode>> + Send + use<M, T> {
        let machine = self.partition_of(key).and_then(|id| self.machine(id));
        let answer = machine.map(|hosts| hosts.questions.ask(input));
        async move {
            let reply = answer?
                .await
                .map_err(|Undecided| ErrorCode::NotCoordinator)?;
            Ok(of(reply).expect("an input is answered by the reply of its name"))
        }
    }

    /// The partition that holds a key.
    ///
    /// # Errors
    /// There is no such topic yet.
    pub fn partition_of(&self, key: &str) -> Result<PartitionId, ErrorCode> {
        let image = self.options.images.current();
        let topic = image.topic(self.options.topic);
        let topic = topic.ok_or(ErrorCode::NotCoordinator)?;
        let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        Ok((topic.id, partition_of(key, count)))
    }

    /// The machine of a partition.
    ///
    /// # Errors
    /// It cannot be asked here and now.
    pub fn machine(&self, id: PartitionId) -> Result<Hosts<M>, ErrorCode> {
        match self.hosted.read().get(&id) {
            Some(Hosted::Following(hosts)) => Ok(hosts.clone()),
            Some(Hosted::Loading) => Err(ErrorCode::CoordinatorLoadInProgress),
            Some(Hosted::Failed) => Err(ErrorCode::CoordinatorNotAvailable),
            None => Err(ErrorCode::NotCoordinator),
        }
    }

    /// The machines that can be asked, and whether others are still being loaded.
    pub fn all(&self) -> (Vec<(PartitionId, Hosts<M>)>, bool) {
        let hosted = self.hosted.read();
        let is_loading = hosted.values().any(|one| matches!(one, Hosted::Loading));
        let following = hosted.iter().filter_map(|(id, one)| match one {
            Hosted::Following(hosts) => Some((*id, hosts.clone())),
            Hosted::Loading | Hosted::Failed => None,
        });
        (following.collect(), is_loading)
    }

    /// Tells of each machine that comes or goes.
    pub fn moves(&self) -> watch::Receiver<u64> {
        self.moved.subscribe()
    }

    /// Waits until the machines of all partitions that are open here can be asked, but no longer than
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
        let image = self.options.images.current();
        let Some(topic) = image.topic(self.options.topic) else {
            return true;
        };
        let hosted = self.hosted.read();
        let is_ready = |id: &PartitionId| {
            matches!(hosted.get(id), Some(Hosted::Following(_) | Hosted::Failed))
        };
        let mut open = self.options.partitions.of_topic(topic.id);
        open.all(|(id, _)| is_ready(&id))
    }

    /// How many machines there are.
    pub fn count(&self) -> usize {
        self.hosted.read().len()
    }

    async fn follow(
        self: Arc<Self>,
        tell: impl Fn(&Self, &Image, &Image),
        mut stopped: oneshot::Receiver<()>,
    ) {
        let mut moves = self.options.partitions.moves();
        let mut published = self.options.images.published();
        let mut running = BTreeMap::new();
        let mut image = Arc::new(Image::default());
        loop {
            moves.mark_unchanged();
            published.mark_unchanged();
            let next = self.options.images.current();
            self.adjust(&next, &mut running).await;
            tell(&self, &image, &next);
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
        self.tell_move();
    }

    /// Starts and stops machines so that there is one for each open partition.
    async fn adjust(self: &Arc<Self>, image: &Image, running: &mut BTreeMap<PartitionId, Running>) {
        let open: BTreeMap<PartitionId, Partition> = match image.topic(self.options.topic) {
            Some(topic) => self.options.partitions.of_topic(topic.id).collect(),
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
            self.tell_move();
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
        let (questions, arriving) = questions(SHARD_REQUESTS_QUEUED_MAX);
        let options = ShardOptions {
            partition: partition.clone(),
            empty: self.options.empty.clone(),
            follower: (),
            clock: Arc::clone(&self.options.clock),
            limits: Limits::default(),
        };
        let shard: Shard<M, ()> = Shard::new(options, arriving);
        let outcome = match shard.load().await {
            Ok(loaded) => {
                let hosts = Hosts {
                    questions,
                    partition,
                };
                self.put(id, Hosted::Following(hosts));
                shard.run(loaded, stopped).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let (topic, partition) = (self.options.topic, id.1);
            tracing::error!(topic, partition, %error, "what this partition holds cannot be served");
            self.put(id, Hosted::Failed);
        }
    }

    /// Notes how a machine is, unless its partition has gone meanwhile.
    fn put(&self, id: PartitionId, state: Hosted<M>) {
        if let Some(hosted) = self.hosted.write().get_mut(&id) {
            *hosted = state;
        }
        self.tell_move();
    }

    fn tell_move(&self) {
        self.moved.send_modify(|moves| *moves += 1);
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

impl HostingTask {
    /// Stops all machines.
    pub async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
