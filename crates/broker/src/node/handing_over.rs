//! Before a node stops, others lead what it led, so that clients notice no more than a new leader.

use std::time::Duration;

use ottla_protocol::NodeId;
use ottla_replication::Partition;
use ottla_replication::cluster::Leader;
use tokio::time::{Instant, sleep};

use crate::context::Broker;

/// How long handing over may take; what is left then loses its leader with this node.
pub(super) const HAND_OVER_MAX: Duration = Duration::from_secs(10);
/// How often it is looked what is left.
const LOOK: Duration = Duration::from_millis(20);
/// How long a successor has before another is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// Hands over all partitions that others have replicas of, and waits until those lead them.
pub(super) async fn hand_over(broker: &Broker) {
    let deadline = Instant::now() + HAND_OVER_MAX;
    let mut asked_at: Option<Instant> = None;
    let mut round = 0;
    let mut handed = 0;
    while Instant::now() < deadline {
        let left = led_here(broker);
        if left.is_empty() {
            break;
        }
        if asked_at.is_none_or(|at| at.elapsed() > PATIENCE) {
            handed = handed.max(left.len());
            for (partition, successors) in &left {
                let successor = successors[round % successors.len()];
                partition.transfer_to(successor).await;
            }
            asked_at = Some(Instant::now());
            round += 1;
        }
        sleep(LOOK).await;
    }
    let left = led_here(broker).len();
    if handed > 0 {
        tracing::info!(
            handed_over = handed - left,
            left,
            "other brokers lead what this one led"
        );
    }
}

/// What is led here and could be led elsewhere, and by whom.
fn led_here(broker: &Broker) -> Vec<(Partition, Vec<NodeId>)> {
    let replicas = broker.partitions.open();
    let led = replicas.into_iter().filter(|it| it.partition.is_leader());
    let with_successors = led.filter_map(|replica| {
        let group = replica.partition.log().identity().group_id;
        let Leader { in_sync, .. } = broker.peers.leader(group)?;
        let others = in_sync.iter().copied();
        let others: Vec<_> = others.filter(|node| *node != broker.node_id).collect();
        (!others.is_empty()).then_some((replica.partition, others))
    });
    with_successors.collect()
}
