//! Which replica a consumer is to read from (KIP-392): the leader, unless it stands in another rack
//! than the consumer and a follower in the consumer's rack can take over at once.
//!
//! A follower can if it is alive and in service, keeps up with the leader, has the log up to the
//! offset, and is to be reached by the listener that the consumer came by. Of several the one that is
//! furthest is taken, as Kafka's RackAwareReplicaSelector does.

use std::sync::Arc;

use ottla_metadata::image::Topic;
use ottla_protocol::NodeId;

use crate::config::ReplicaSelector;
use crate::context::{Broker, Call};
use crate::leader;
use crate::partitions::Replica;

/// A consumer that said where it is, at a broker that looks at it.
pub(super) struct Nearest {
    rack: String,
    listener: Arc<str>,
}

impl Nearest {
    pub(super) fn new(call: Call<'_>, rack: &str) -> Option<Nearest> {
        let is_wanted = match call.broker.config.fetch.replica_selector {
            ReplicaSelector::Leader => false,
            ReplicaSelector::RackAware => !rack.is_empty(),
        };
        is_wanted.then(|| Nearest {
            rack: rack.to_owned(),
            listener: Arc::clone(&call.peer.listener),
        })
    }

    /// The follower to read from at this offset instead of this broker, which leads.
    pub(super) fn follower(
        &self,
        broker: &Broker,
        topic: &Topic,
        number: i32,
        replica: &Replica,
        offset: i64,
    ) -> Option<NodeId> {
        let image = broker.images.current();
        let rack = |node| image.broker(node).and_then(|it| it.rack.as_deref());
        if rack(broker.node_id) == Some(&self.rack) {
            return None;
        }
        if offset < replica.partition.watermarks().log_start_offset {
            return None;
        }
        let in_sync = leader::of(broker, topic, number)?.in_sync;
        let can_take_over = |node: NodeId| {
            let found = image.broker(node);
            in_sync.contains(&node)
                && broker.is_alive(node)
                && found.is_some_and(|it| it.is_active() && it.endpoint(&self.listener).is_some())
        };
        let ends = replica.partition.follower_ends().into_iter();
        furthest(
            ends.filter(|(node, _)| rack(*node) == Some(&self.rack) && can_take_over(*node)),
            offset,
        )
    }
}

/// Of those that have the log up to an offset, the one that has most of it.
fn furthest(ends: impl Iterator<Item = (NodeId, i64)>, offset: i64) -> Option<NodeId> {
    let able = ends.filter(|(_, end)| *end >= offset);
    let furthest = able.max_by_key(|(node, end)| (*end, *node))?;
    Some(furthest.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_follower_that_is_furthest_is_taken_if_it_has_the_offset() {
        let ends = [(NodeId(2), 7), (NodeId(3), 9), (NodeId(4), 9)];
        let at = |offset| furthest(ends.into_iter(), offset);
        assert_eq!(at(0), Some(NodeId(4)));
        assert_eq!(at(9), Some(NodeId(4)));
        assert_eq!(at(10), None);
        assert_eq!(furthest([].into_iter(), 0), None);
    }
}
