//! Who leads a partition, as this broker knows: by its own replica if that leads, otherwise by the
//! word of the leader.

use std::sync::Arc;

use ottla_metadata::image::{Image, Topic};
use ottla_protocol::NodeId;
use ottla_replication::cluster::Leader;
use tokio::sync::watch;

use crate::context::{Broker, Call};

/// The leader of a topic's partition, if it is known and alive.
pub(crate) fn of(broker: &Broker, topic: &Topic, number: i32) -> Option<Leader> {
    let partition = topic.partition(number)?;
    let told = broker.peers.leader(partition.group_id);
    let here = broker.partitions.find(topic.id, number).ok();
    let leads_in = here.and_then(|replica| replica.partition.leads_in());
    match (leads_in, told) {
        (Some(epoch), told) => Some(told.filter(|it| it.epoch >= epoch).unwrap_or(Leader {
            node: broker.node_id,
            epoch,
            // It has not said yet who keeps up with it.
            in_sync: [broker.node_id].into(),
        })),
        (None, told) => told,
    }
}

/// Tells clients of one listener that asked the wrong broker where the right one is (KIP-951).
#[derive(Clone)]
pub(crate) struct Hints {
    broker: Arc<Broker>,
    listener: Arc<str>,
}

/// Where a partition's leader is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    pub(crate) node: NodeId,
    pub(crate) epoch: i32,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) rack: Option<String>,
}

impl Hints {
    pub(crate) fn new(call: Call<'_>) -> Hints {
        Hints {
            broker: Arc::clone(call.broker),
            listener: Arc::clone(&call.peer.listener),
        }
    }

    /// Where a client is to go that believes in this leader epoch, if it says. Nowhere if that would
    /// bring it back here with what it believes already: it would come again and again.
    pub(crate) fn of(
        &self,
        image: &Image,
        topic: &Topic,
        number: i32,
        believed: Option<i32>,
    ) -> Option<Hint> {
        let leader = of(&self.broker, topic, number)?;
        if !helps(&leader, self.broker.node_id, believed) {
            return None;
        }
        let known = image.broker(leader.node);
        let known = known.filter(|broker| !broker.fenced)?;
        let endpoint = known.endpoint(&self.listener)?;
        Some(Hint {
            node: leader.node,
            epoch: leader.epoch,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: known.rack.clone(),
        })
    }

    /// Tells of each leader that is new.
    pub(crate) fn moves(&self) -> watch::Receiver<u64> {
        self.broker.peers.leaders().watch()
    }

    /// The cluster as it is now.
    pub(crate) fn image(&self) -> Arc<Image> {
        self.broker.images.current()
    }
}

/// Whether a client that believes in an epoch, if it says, gets on when it is told of a leader by this
/// broker.
fn helps(leader: &Leader, me: NodeId, believed: Option<i32>) -> bool {
    let is_elsewhere = leader.node != me;
    match believed {
        Some(believed) => leader.epoch > believed || leader.epoch == believed && is_elsewhere,
        None => is_elsewhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_leader_that_is_news_or_elsewhere_is_told() {
        let told = |node, believed| {
            let leader = Leader {
                node: NodeId(node),
                epoch: 5,
                in_sync: [].into(),
            };
            helps(&leader, NodeId(1), believed)
        };
        assert_eq!([4, 5, 6].map(|it| told(2, Some(it))), [true, true, false]);
        assert_eq!([4, 5, 6].map(|it| told(1, Some(it))), [true, false, false]);
        assert_eq!([1, 2].map(|node| told(node, None)), [false, true]);
    }
}
