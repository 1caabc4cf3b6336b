//! From a decision to its end: takes what the coordinators here have decided, has markers written by the leaders of all
//! partitions of the transaction, and tells the coordinator when all have one.
//!
//! A transaction is tried until it is done, or until another broker coordinates it, which then does the same: leaders
//! know a marker that comes a second time.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use ottla_metadata::image::Image;
use ottla_protocol::{ErrorCode, NodeId};
use ottla_replication::Waiter;
use ottla_replication::cluster::Leader;
use ottla_transactions::machine::{Input, Reply, Transactions};
use ottla_transactions::operations::{Completed, Decided};
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::between::{self, Question};
use super::coordinator::server_version;
use super::markers::{self, Marker, Place};
use crate::context::Broker;
use crate::leader;
use crate::limits::{TRANSACTION_RETRY, TRANSACTIONS_COMPLETED_AT_ONCE_MAX};
use crate::partitions::PartitionId;
use crate::shard::{Hosts, Undecided};

/// The task that completes transactions. To be stopped before the machines are.
pub struct Completing {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Completing {
    /// Starts it.
    pub fn start(broker: &Arc<Broker>) -> Completing {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(follow(Arc::clone(broker), stopped));
        Completing { stop, task }
    }

    /// Ends it. What is not complete is for the next coordinator, or the next start.
    pub async fn end(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Has a task for each machine that is here.
async fn follow(broker: Arc<Broker>, mut stopped: oneshot::Receiver<()>) {
    let mut moves = broker.transactions.moves();
    let mut serving: BTreeMap<PartitionId, Serving> = BTreeMap::new();
    loop {
        moves.mark_unchanged();
        let (machines, _) = broker.transactions.all();
        let machines: BTreeMap<PartitionId, Hosts<Transactions>> = machines.into_iter().collect();
        serving.retain(|id, one| {
            let now = machines.get(id);
            now.is_some_and(|now| now.partition.is_same(&one.hosts.partition))
        });
        for (id, hosts) in machines {
            serving
                .entry(id)
                .or_insert_with(|| Serving::start(&broker, hosts));
        }
        tokio::select! {
            _ = &mut stopped => return,
            moved = moves.changed() => if moved.is_err() { return },
        }
    }
}

/// The task of one machine; it ends when this is dropped.
struct Serving {
    hosts: Hosts<Transactions>,
    task: JoinHandle<()>,
}

impl Serving {
    fn start(broker: &Arc<Broker>, hosts: Hosts<Transactions>) -> Serving {
        let coordinator = Coordinator {
            broker: Arc::clone(broker),
            hosts: hosts.clone(),
        };
        let task = tokio::spawn(coordinator.serve());
        Serving { hosts, task }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Coordinator {
    broker: Arc<Broker>,
    hosts: Hosts<Transactions>,
}

impl Coordinator {
    async fn serve(self) {
        let waiter = Waiter::new();
        let _registration = self.hosts.partition.register(&waiter);
        let mut under_way = UnderWay::default();
        loop {
            let Some(epoch) = self.hosts.partition.leads_in() else {
                waiter.moved().await;
                continue;
            };
            under_way.forget_ended();
            match self.hosts.questions.ask(Input::TakeDecided).await {
                Ok(Reply::TakeDecided(decided)) => {
                    for one in decided {
                        under_way.have_room().await;
                        under_way.begin(&self, epoch, one);
                    }
                }
                // It does not lead yet, or no more.
                Ok(_) | Err(Undecided) => sleep(TRANSACTION_RETRY).await,
            }
        }
    }

    fn leads_in(&self, epoch: i32) -> bool {
        self.hosts.partition.leads_in() == Some(epoch)
    }

    async fn complete(self, epoch: i32, decided: Decided) {
        let mut moves = self.broker.peers.leaders().watch();
        let partitions = decided.partitions.iter();
        let mut left: Vec<(String, i32)> = partitions
            .flat_map(|(topic, numbers)| numbers.iter().map(|number| (topic.clone(), *number)))
            .collect();
        loop {
            if !self.leads_in(epoch) {
                return;
            }
            moves.mark_unchanged();
            left = match self.write(epoch, &decided, left).await {
                Ok(left) => left,
                Err(Fenced) => return,
            };
            if left.is_empty() {
                return self.tell(epoch, decided).await;
            }
            // Another leader is a reason to try again at once; no news is none to wait for ever.
            let _ = timeout(TRANSACTION_RETRY, moves.changed()).await;
        }
    }

    /// Tries once; what is left to do.
    async fn write(
        &self,
        epoch: i32,
        decided: &Decided,
        left: Vec<(String, i32)>,
    ) -> Result<Vec<(String, i32)>, Fenced> {
        let image = self.image_that_knows(&left).await;
        let mut by_leader: BTreeMap<NodeId, Vec<Place>> = BTreeMap::new();
        let mut still_left = Vec::new();
        for (topic, partition) in left {
            match self.leader_of(&image, &topic, partition) {
                Way::To(leader) => by_leader.entry(leader.node).or_default().push(Place {
                    topic,
                    partition,
                    leader_epoch: Some(leader.epoch),
                }),
                Way::Gone => {
                    let transactional_id = &decided.transactional_id;
                    tracing::info!(%transactional_id, %topic, partition, "a transaction ends without a partition that was deleted");
                }
                Way::Unknown => still_left.push((topic, partition)),
            }
        }
        let writing = by_leader.into_iter().map(|(node, partitions)| {
            let marker = Marker {
                producer_id: decided.producer.id,
                producer_epoch: decided.producer.epoch,
                commits: decided.commits,
                coordinator_epoch: epoch,
                version: decided.client_version,
                as_of: Some(decided.as_of.0),
                partitions,
            };
            self.write_at(node, marker)
        });
        for (places, codes) in join_all(writing).await {
            for (place, code) in places.into_iter().zip(codes) {
                let (topic, partition) = (place.topic, place.partition);
                match code {
                    ErrorCode::None => {}
                    ErrorCode::TransactionCoordinatorFenced => return Err(Fenced),
                    // A newer transaction of the producer is open there: this one was ended before.
                    ErrorCode::InvalidProducerEpoch => {
                        let transactional_id = &decided.transactional_id;
                        tracing::warn!(%transactional_id, %topic, partition, "a marker came after the next transaction had begun");
                    }
                    _ => still_left.push((topic, partition)),
                }
            }
        }
        Ok(still_left)
    }

    async fn write_at(&self, node: NodeId, marker: Marker) -> (Vec<Place>, Vec<ErrorCode>) {
        let places = marker.partitions.clone();
        if node == self.broker.node_id {
            let codes = markers::write_here(&self.broker, &marker).await;
            return (places, codes);
        }
        let question = Question::Write(marker);
        let codes = match between::ask(&self.broker.peers, node, &question).await {
            Ok(answers) if answers.codes.len() == places.len() => answers.codes,
            Ok(_) | Err(_) => vec![ErrorCode::NetworkException; places.len()],
        };
        (places, codes)
    }

    /// The image here; if it does not know a partition, one that is as new as the cluster's at this moment, if that can
    /// be had: a partition that it does not know either is deleted.
    async fn image_that_knows(&self, left: &[(String, i32)]) -> Known {
        let images = &self.broker.images;
        let image = images.current();
        if left
            .iter()
            .all(|(topic, number)| is_known(&image, topic, *number))
        {
            return Known {
                image,
                is_newest: false,
            };
        }
        let newest = self.broker.metadata.describe_quorum().await;
        let is_newest = newest.is_ok_and(|quorum| images.end_offset() >= quorum.high_watermark);
        Known {
            image: images.current(),
            is_newest,
        }
    }

    fn leader_of(&self, known: &Known, topic: &str, partition: i32) -> Way {
        if known.is_newest && !is_known(&known.image, topic, partition) {
            return Way::Gone;
        }
        let topic = known.image.topic(topic);
        match topic.and_then(|topic| leader::of(&self.broker, topic, partition)) {
            Some(leader) => Way::To(leader),
            None => Way::Unknown,
        }
    }

    /// Tells the coordinator that all have their marker.
    async fn tell(&self, epoch: i32, decided: Decided) {
        let completed = Completed {
            transactional_id: decided.transactional_id,
            producer: decided.producer,
            server_version: server_version(&self.broker),
        };
        while self.leads_in(epoch) {
            let told = self
                .hosts
                .questions
                .ask(Input::Completed(completed.clone()));
            match told.await {
                Ok(_) => return,
                Err(Undecided) => sleep(TRANSACTION_RETRY).await,
            }
        }
    }
}

fn is_known(image: &Image, topic: &str, partition: i32) -> bool {
    let topic = image.topic(topic);
    topic.is_some_and(|topic| topic.partition(partition).is_some())
}

/// The transactions that are being completed, each by one task. A machine that had to load its log anew gives out
/// again what was given out before; with two tasks one could write markers of a transaction that the other has
/// completed, into the next one.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<()>,
    by_id: BTreeMap<String, Task>,
}

struct Task {
    epoch: i32,
    decided: Decided,
    handle: AbortHandle,
}

impl UnderWay {
    fn begin(&mut self, coordinator: &Coordinator, epoch: i32, decided: Decided) {
        let id = decided.transactional_id.clone();
        if let Some(task) = self.by_id.get(&id) {
            let is_same = task.epoch == epoch && task.decided == decided;
            if is_same && !task.handle.is_finished() {
                return;
            }
            task.handle.abort();
        }
        let completing = coordinator.clone().complete(epoch, decided.clone());
        let task = Task {
            epoch,
            decided,
            handle: self.tasks.spawn(completing),
        };
        self.by_id.insert(id, task);
    }

    async fn have_room(&mut self) {
        self.forget_ended();
        if self.tasks.len() >= TRANSACTIONS_COMPLETED_AT_ONCE_MAX {
            self.tasks.join_next().await;
        }
    }

    fn forget_ended(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        if self.by_id.len() >= 2 * TRANSACTIONS_COMPLETED_AT_ONCE_MAX || self.tasks.is_empty() {
            self.by_id.retain(|_, task| !task.handle.is_finished());
        }
    }
}

/// Another coordinator has taken over.
struct Fenced;

/// What is known of the cluster.
struct Known {
    image: Arc<Image>,
    /// Whether it was the newest there is a moment ago.
    is_newest: bool,
}

/// Where a partition's marker goes.
enum Way {
    To(Leader),
    /// Its topic is deleted.
    Gone,
    /// Nobody leads it that is known.
    Unknown,
}
