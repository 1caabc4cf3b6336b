//! What becomes of each new image: it is published, and the plan for this node's replicas is handed on.

use std::sync::Arc;

use ottla_metadata::config::{BrokerConfigs, FOLLOWER_THROTTLED_RATE, LEADER_THROTTLED_RATE};
use ottla_metadata::image::{Delta, Image, TopicChange};
use ottla_metadata::machine::Metadata;
use ottla_metadata::reconcile::{LocalNode, changes_defaults, reconcile};
use ottla_platform::seed::HashSet;
use ottla_protocol::NodeId;
use ottla_replication::ThrottledRates;
use ottla_replication::cluster::Cluster;
use ottla_statemachine::Offset;
use tokio::sync::Mutex;

use crate::defaults::Defaults;
use crate::images::Images;
use crate::metadata_runner::METADATA_GROUP_ID;
use crate::node::Meeting;
use crate::partitions::Plans;
use crate::shard::Follower;

/// Follows the metadata for its node.
pub struct Following {
    /// Where images are published.
    pub images: Arc<Images>,
    /// What follows the configurations of brokers.
    pub defaults: Arc<Defaults>,
    /// The other brokers.
    pub peers: Arc<Cluster>,
    /// Whom this broker meets.
    pub meeting: Arc<Meeting>,
    /// What follows the replicas of this node.
    pub planner: Arc<Planner>,
}

/// Plans for the replicas of a node, from when it may: what a node finds in its log at its start can
/// be older than what it did before, and must not be acted upon.
pub struct Planner {
    node: LocalNode,
    plans: Plans,
    /// The image that was planned for last.
    planned: Mutex<Option<Arc<Image>>>,
}

impl Planner {
    /// Plans for this node's replicas, which go there.
    pub fn new(node: LocalNode, plans: Plans) -> Planner {
        Planner {
            node,
            plans,
            planned: Mutex::new(None),
        }
    }

    /// From now on what is current is current: plans for all that there is, and what follows.
    pub async fn begin(&self, images: &Images) {
        let mut planned = self.planned.lock().await;
        let image = images.current();
        self.plan(&Image::default(), &image).await;
        *planned = Some(image);
    }

    async fn follow(&self, next: &Arc<Image>) {
        let mut planned = self.planned.lock().await;
        if let Some(before) = &mut *planned {
            self.plan(before, next).await;
            *before = Arc::clone(next);
        }
    }

    async fn plan(&self, before: &Image, next: &Image) {
        let plan = reconcile(&Delta::between(before, next), next, &self.node);
        if !plan.is_empty() {
            // The manager ends only after this task.
            let _ = self.plans.send(plan).await;
        }
    }
}

/// How fast this broker may bring replicas up to date, where topics ask for that.
fn throttled_rates(image: &Image, broker: NodeId) -> ThrottledRates {
    let configs = BrokerConfigs::of(image, broker);
    let rate = |name| configs.throttled_rate(name).unwrap_or(u64::MAX);
    ThrottledRates {
        leader: rate(LEADER_THROTTLED_RATE),
        follower: rate(FOLLOWER_THROTTLED_RATE),
    }
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
        if changes_defaults(&delta, self.planner.node.id) {
            self.defaults.follow(&next);
            let rates = throttled_rates(&next, self.planner.node.id);
            self.peers.set_throttled_rates(rates);
        }
        let is_deleted = |change: &TopicChange| matches!(change, TopicChange::Deleted(_));
        if delta.topics.iter().any(is_deleted) {
            let partitions = next.topics().flat_map(|topic| &topic.partitions);
            let groups: HashSet<u64> = partitions.map(|it| it.group_id).collect();
            self.peers
                .leaders()
                .forget_all_but(|group| group == METADATA_GROUP_ID || groups.contains(&group));
        }
        self.meeting.follow(&next);
        self.images.publish(Arc::clone(&next), end.0);
        self.planner.follow(&next).await;
    }
}
