//! The only way an image changes: one record of the log at a time.
//!
//! Total: a record that names what is not there changes nothing. The machine never writes one; a
//! damaged log is found by checksums below, not here.

use std::sync::Arc;

use super::{Broker, ConfigResource, Configs, Image, ResourceType, Topic};
use crate::record::{
    BrokerRegistrationChangeRecord, ClusterRecord, ConfigRecord, FeatureLevelRecord,
    PartitionRecord, Record, RegisterBrokerRecord, RemoveTopicRecord, TopicRecord,
    UnregisterBrokerRecord,
};
use crate::topic_name::collision_form;

impl Image {
    /// Takes one record into the image.
    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::Cluster(record) => self.apply_cluster(record),
            Record::FeatureLevel(record) => self.apply_feature_level(record),
            Record::RegisterBroker(record) => self.apply_register_broker(record),
            Record::BrokerRegistrationChange(record) => self.apply_broker_change(record),
            Record::UnregisterBroker(record) => self.apply_unregister_broker(record),
            Record::Topic(record) => self.apply_topic(record),
            Record::Partition(record) => self.apply_partition(record),
            Record::Config(record) => self.apply_config(record),
            Record::RemoveTopic(record) => self.apply_remove_topic(record),
            Record::ProducerIds(record) => {
                self.next_producer_id = self.next_producer_id.max(record.next_producer_id);
            }
        }
    }

    fn apply_cluster(&mut self, record: &ClusterRecord) {
        if let Some(id) = &record.cluster_id {
            self.cluster_id = Some(id.as_str().into());
        }
        if let Some(next) = record.next_group_id {
            self.next_group_id = self.next_group_id.max(next);
        }
    }

    fn apply_feature_level(&mut self, record: &FeatureLevelRecord) {
        if record.level == 0 {
            self.features.remove(record.name.as_str());
        } else {
            self.features
                .insert(record.name.as_str().into(), record.level);
        }
    }

    fn apply_register_broker(&mut self, record: &RegisterBrokerRecord) {
        let broker = Broker {
            id: record.broker_id,
            epoch: record.broker_epoch,
            incarnation_id: record.incarnation_id,
            starts: record.starts,
            endpoints: record.endpoints.clone(),
            features: record.features.clone(),
            rack: record.rack.clone(),
            directories: record.log_dirs.clone(),
            fenced: record.fenced,
            in_controlled_shutdown: record.in_controlled_shutdown,
            vote: record.vote,
        };
        self.left.remove(&record.broker_id);
        self.brokers.insert(record.broker_id, Arc::new(broker));
    }

    fn apply_broker_change(&mut self, record: &BrokerRegistrationChangeRecord) {
        let Some(broker) = self.brokers.get_mut(&record.broker_id) else {
            return;
        };
        if broker.epoch != record.broker_epoch {
            return;
        }
        let broker = Arc::make_mut(broker);
        broker.fenced = record.fenced.unwrap_or(broker.fenced);
        broker.in_controlled_shutdown = record
            .in_controlled_shutdown
            .unwrap_or(broker.in_controlled_shutdown);
        if let Some(directories) = &record.log_dirs {
            broker.directories.clone_from(directories);
        }
        broker.vote = record.vote.unwrap_or(broker.vote);
    }

    fn apply_unregister_broker(&mut self, record: &UnregisterBrokerRecord) {
        let registered = self.brokers.get(&record.broker_id);
        if registered.is_some_and(|broker| broker.epoch == record.broker_epoch) {
            self.brokers.remove(&record.broker_id);
        }
        if !self.brokers.contains_key(&record.broker_id) {
            self.left.insert(record.broker_id);
        }
    }

    fn apply_topic(&mut self, record: &TopicRecord) {
        if self.names.contains_key(record.name.as_str())
            || self.topics.contains_key(&record.topic_id)
        {
            return;
        }
        let name: Arc<str> = record.name.as_str().into();
        if let Some(form) = collision_form(&name) {
            self.collisions.insert((form, name.clone()));
        }
        self.names.insert(name.clone(), record.topic_id);
        let topic = Topic {
            id: record.topic_id,
            name,
            partitions: Vec::new(),
            configs: Arc::new(Configs::new()),
        };
        self.topics.insert(record.topic_id, Arc::new(topic));
    }

    fn apply_partition(&mut self, record: &PartitionRecord) {
        let next_group_id = record.state.group_id.saturating_add(1);
        self.next_group_id = self.next_group_id.max(next_group_id);
        let Some(topic) = self.topics.get_mut(&record.topic_id) else {
            return;
        };
        let Ok(number) = usize::try_from(record.partition) else {
            return;
        };
        if number > topic.partitions.len() {
            return;
        }
        let partition = record.state.clone();
        let id = (record.topic_id, record.partition);
        match partition.is_moving() {
            true => self.moving.insert(id),
            false => self.moving.remove(&id),
        };
        let partitions = &mut Arc::make_mut(topic).partitions;
        match partitions.get_mut(number) {
            Some(known) => *known = partition,
            None => {
                partitions.push(partition);
                self.partition_count += 1;
            }
        }
    }

    fn apply_config(&mut self, record: &ConfigRecord) {
        let Some(kind) = ResourceType::from_code(record.resource_type) else {
            return;
        };
        if kind == ResourceType::Topic {
            let id = self.names.get(record.resource_name.as_str());
            if let Some(topic) = id.and_then(|id| self.topics.get_mut(id)) {
                set(Arc::make_mut(&mut Arc::make_mut(topic).configs), record);
            }
            return;
        }
        let resource = ConfigResource {
            kind,
            name: record.resource_name.clone(),
        };
        let configs = self.configs.entry(resource.clone()).or_default();
        set(Arc::make_mut(configs), record);
        if configs.is_empty() {
            self.configs.remove(&resource);
        }
    }

    fn apply_remove_topic(&mut self, record: &RemoveTopicRecord) {
        let Some(topic) = self.topics.remove(&record.topic_id) else {
            return;
        };
        self.names.remove(&topic.name);
        for (partition, number) in topic.partitions.iter().zip(0..) {
            if partition.is_moving() {
                self.moving.remove(&(topic.id, number));
            }
        }
        self.partition_count -= topic.partitions.len();
        if let Some(form) = collision_form(&topic.name) {
            self.collisions.remove(&(form, topic.name.clone()));
        }
    }
}

fn set(configs: &mut Configs, record: &ConfigRecord) {
    match &record.value {
        Some(value) => configs.insert(record.name.clone(), value.clone()),
        None => configs.remove(&record.name),
    };
}
