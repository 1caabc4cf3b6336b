//! Who leads a partition, as this broker knows: by its own replica if that leads, otherwise by the
//! word of the leader.

use ottla_metadata::image::Topic;
use ottla_replication::cluster::Leader;

use crate::context::Broker;

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
