//! Responses that tests need again and again.

use crate::address::Address;
use crate::wire::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::wire::messages::{BrokerId, MetadataResponse, TopicName};
use crate::wire::text;

/// A Metadata response; the first broker is the controller.
pub(crate) fn metadata(
    brokers: &[(i32, Address)],
    topics: Vec<MetadataResponseTopic>,
) -> MetadataResponse {
    let listed = brokers.iter().map(|(id, address)| {
        MetadataResponseBroker::default()
            .with_node_id(BrokerId(*id))
            .with_host(text(&address.host))
            .with_port(address.port.into())
    });
    MetadataResponse::default()
        .with_cluster_id(Some(text("fake")))
        .with_controller_id(BrokerId(brokers.first().map_or(-1, |(id, _)| *id)))
        .with_brokers(listed.collect())
        .with_topics(topics)
}

/// A topic with one partition per (leader, epoch). Its id is made from its name.
pub(crate) fn metadata_topic(name: &str, leaders: &[(i32, i32)]) -> MetadataResponseTopic {
    let partitions = (0..).zip(leaders).map(|(index, &(leader, epoch))| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(BrokerId(leader))
            .with_leader_epoch(epoch)
            .with_replica_nodes(vec![BrokerId(leader)])
            .with_isr_nodes(vec![BrokerId(leader)])
    });
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(name))))
        .with_topic_id(topic_id(name))
        .with_partitions(partitions.collect())
}

/// The id that [`metadata_topic`] gives to a name.
pub(crate) fn topic_id(name: &str) -> uuid::Uuid {
    let mut bits = [0x5a; 16];
    for (bit, byte) in bits.iter_mut().zip(name.bytes()) {
        *bit = byte;
    }
    uuid::Uuid::from_bytes(bits)
}
