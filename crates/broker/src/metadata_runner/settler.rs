//! Replicas that were to move: their partition's leader says so when they have.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::image::Image;
use ottla_metadata::operations::SettleReplicas;
use tokio::time::sleep;

use super::MetadataHandle;
use crate::images::Images;
use crate::partitions::{Partitions, keys};

/// How often it is looked whether they have, while some move.
const LOOK: Duration = Duration::from_millis(100);

/// The task's parts.
pub struct Settler {
    /// What this broker knows of the cluster.
    pub images: Arc<Images>,
    /// The replicas here.
    pub partitions: Arc<Partitions>,
    /// Is told.
    pub metadata: MetadataHandle,
}

impl Settler {
    /// Looks, for ever. It costs nothing while nothing moves.
    pub async fn run(self) {
        let mut published = self.images.published();
        loop {
            published.mark_unchanged();
            let image = self.images.current();
            for settle in self.settled_here(&image) {
                // What is not noted now is said again.
                let _ = self.metadata.settle_replicas(settle).await;
            }
            match image.moving().next() {
                Some(_) => sleep(LOOK).await,
                None if published.changed().await.is_err() => return,
                None => {}
            }
        }
    }

    /// The partitions led here that are held by those who were wanted.
    fn settled_here(&self, image: &Image) -> Vec<SettleReplicas> {
        let settled = image.moving().filter_map(|(topic, number, partition)| {
            let replica = self.partitions.find(topic.id, number).ok()?;
            let held_by: Vec<_> = partition.wanted().collect();
            let is_held = replica.partition.is_held_by(&keys(held_by.clone()));
            is_held.then_some(SettleReplicas {
                topic_id: topic.id,
                partition: number,
                held_by,
            })
        });
        settled.collect()
    }
}
