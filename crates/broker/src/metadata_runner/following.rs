//! What becomes of each new image: it is published, and the plan for this node's replicas is handed on.

use std::sync::Arc;

use ottla_metadata::image::{Delta, Image};
use ottla_metadata::machine::Metadata;
use ottla_metadata::reconcile::{LocalNode, changes_defaults, reconcile};
use ottla_statemachine::Offset;

use crate::defaults::Defaults;
use crate::images::Images;
use crate::partitions::Plans;
use crate::shard::Follower;

/// Follows the metadata for its node.
pub struct Following {
    /// Where images are published.
    pub images: Arc<Images>,
    /// What follows the configurations of brokers.
    pub defaults: Arc<Defaults>,
    /// Where plans go.
    pub plans: Plans,
    /// Whose replicas are planned for.
    pub node: LocalNode,
}

impl Follower<Metadata> for Following {
    type Mark = Image;

    fn mark(&self, image: &Image) -> Image {
        image.clone()
    }

    /// Publishes the image and sends the plan for it on its way.
    async fn committed(&self, image: Image, end: Offset) {
        let next = Arc::new(image);
        let delta = Delta::between(&self.images.current(), &next);
        if changes_defaults(&delta, self.node.id) {
            self.defaults.follow(&next);
        }
        let plan = reconcile(&delta, &next, &self.node);
        self.images.publish(next, end.0);
        if !plan.is_empty() {
            // The manager ends only after this task.
            let _ = self.plans.send(plan).await;
        }
    }
}
