//! The task that carries out plans, and between them sees to what is broken.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use ottla_metadata::reconcile::Change;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::table::Partitions;
use crate::limits::CHANGES_QUEUED_MAX;

/// Between two looks for replicas that are to be opened again.
const MEND_INTERVAL: Duration = Duration::from_secs(2);

/// Where the plans for new images go, in the order of the images.
pub type Plans = mpsc::Sender<Vec<Change>>;

impl Partitions {
    /// Starts the task that carries out plans. It ends when the sender is gone and all is done.
    pub fn follow(self: &Arc<Self>) -> (Plans, tokio::task::JoinHandle<()>) {
        let (plans, arriving) = mpsc::channel(CHANGES_QUEUED_MAX);
        (plans, tokio::spawn(follow(Arc::clone(self), arriving)))
    }
}

async fn follow(partitions: Arc<Partitions>, mut arriving: mpsc::Receiver<Vec<Change>>) {
    let mut plans = Vec::new();
    let mut looks = interval(MEND_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut tried = None;
    loop {
        tokio::select! {
            arrived = arriving.recv_many(&mut plans, CHANGES_QUEUED_MAX) => match arrived {
                0 => return,
                _ => carry_out(&partitions, plans.drain(..).flatten()).await,
            },
            _ = looks.tick() => tried = partitions.mend(tried).await,
        }
    }
}

async fn carry_out(partitions: &Partitions, changes: impl Iterator<Item = Change>) {
    let topics = by_topic(changes).into_values();
    join_all(topics.map(|changes| in_order(partitions, changes))).await;
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
