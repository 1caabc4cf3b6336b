//! An image as records: what a log must say from its start to become this image.

use std::sync::Arc;

use super::{Broker, Configs, Image, Topic};
use crate::image::ResourceType;
use crate::record::{
    ClusterRecord, ConfigRecord, FeatureLevelRecord, PartitionRecord, ProducerIdsRecord, Record,
    RegisterBrokerRecord, TopicRecord, UnregisterBrokerRecord,
};
use ottla_protocol::types::NodeId;

impl Image {
    /// Records whose fold is this image. What they lose is only history: who got the last block of
    /// producer ids.
    pub fn to_records(&self) -> impl Iterator<Item = Record> {
        let cluster = Record::Cluster(ClusterRecord {
            cluster_id: self.cluster_id().map(str::to_owned),
            next_group_id: Some(self.next_group_id),
        });
        let producer_ids = Record::ProducerIds(ProducerIdsRecord {
            broker_id: NodeId::NONE,
            broker_epoch: -1,
            next_producer_id: self.next_producer_id,
        });
        let features = self.features().map(|(name, level)| {
            Record::FeatureLevel(FeatureLevelRecord {
                name: name.to_owned(),
                level,
            })
        });
        let left = self.left.iter().map(|broker_id| {
            Record::UnregisterBroker(UnregisterBrokerRecord {
                broker_id: *broker_id,
                broker_epoch: -1,
            })
        });
        let configs = self.configs.iter().flat_map(|(resource, configs)| {
            config_records(resource.kind, resource.name.as_str().into(), configs)
        });
        [cluster, producer_ids]
            .into_iter()
            .chain(features)
            .chain(self.brokers().map(|broker| broker_record(broker)))
            .chain(left)
            .chain(configs)
            .chain(self.topics().flat_map(topic_records))
    }
}

fn broker_record(broker: &Broker) -> Record {
    Record::RegisterBroker(RegisterBrokerRecord {
        broker_id: broker.id,
        incarnation_id: broker.incarnation_id,
        starts: broker.starts,
        broker_epoch: broker.epoch,
        endpoints: broker.endpoints.clone(),
        features: broker.features.clone(),
        rack: broker.rack.clone(),
        fenced: broker.fenced,
        in_controlled_shutdown: broker.in_controlled_shutdown,
        log_dirs: broker.directories.clone(),
        vote: broker.vote,
    })
}

fn topic_records(topic: &Arc<Topic>) -> impl Iterator<Item = Record> {
    let created = Record::Topic(TopicRecord {
        name: topic.name.to_string(),
        topic_id: topic.id,
    });
    let configs = config_records(ResourceType::Topic, topic.name.clone(), &topic.configs);
    let partitions = topic.partitions.iter().zip(0..).map(|(partition, number)| {
        Record::Partition(PartitionRecord {
            partition: number,
            topic_id: topic.id,
            state: partition.clone(),
        })
    });
    std::iter::once(created).chain(configs).chain(partitions)
}

fn config_records(
    kind: ResourceType,
    resource: Arc<str>,
    configs: &Configs,
) -> impl Iterator<Item = Record> {
    configs.iter().map(move |(name, value)| {
        Record::Config(ConfigRecord {
            resource_type: kind.code(),
            resource_name: resource.to_string(),
            name: name.clone(),
            value: Some(value.clone()),
        })
    })
}
