//! The image itself and what can be asked of it. Changing it is `apply`'s business alone.
//!
//! Invariants: a name leads to exactly one topic and back; every topic with '.' or '_' in its name
//! stands under its collision form; `partition_count` is the sum over all topics; `next_group_id`
//! is above every group id that any partition ever had.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use ottla_protocol::types::{NodeId, TopicId};
use serde::{Deserialize, Serialize};

use super::{Broker, Partition, Topic};
use crate::topic_name::collision_form;

/// Configurations of one resource, as they were written, by key.
pub type Configs = BTreeMap<String, String>;

/// The metadata group's own Raft group; partitions get higher numbers.
const METADATA_GROUP_ID: u64 = 0;

/// The cluster at one offset of the metadata log. A clone shares everything with its original.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    pub(super) cluster_id: Option<Arc<str>>,
    pub(super) features: OrdMap<Arc<str>, i16>,
    pub(super) brokers: OrdMap<NodeId, Arc<Broker>>,
    /// Brokers that were registered once and are not any more.
    pub(super) left: OrdSet<NodeId>,
    pub(super) topics: OrdMap<TopicId, Arc<Topic>>,
    pub(super) names: OrdMap<Arc<str>, TopicId>,
    /// (collision form, name) of every topic that has such a form.
    pub(super) collisions: OrdSet<(String, Arc<str>)>,
    pub(super) configs: OrdMap<ConfigResource, Arc<Configs>>,
    pub(super) partition_count: usize,
    /// The partitions whose replicas are not yet those that are wanted.
    pub(super) moving: OrdSet<(TopicId, i32)>,
    pub(super) next_group_id: u64,
    pub(super) next_producer_id: i64,
}

/// What a configuration belongs to, where it is no topic: a topic carries its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConfigResource {
    /// The kind of resource.
    pub kind: ResourceType,
    /// Its name; empty for the default of all resources of the kind.
    pub name: String,
}

/// The kinds of resources that have configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ResourceType {
    /// A topic.
    Topic,
    /// A broker, by its number, or all.
    Broker,
    /// A subscription to client metrics.
    ClientMetrics,
    /// A group of consumers.
    Group,
}

impl ResourceType {
    /// Kafka's number.
    pub fn code(self) -> i8 {
        match self {
            ResourceType::Topic => 2,
            ResourceType::Broker => 4,
            ResourceType::ClientMetrics => 16,
            ResourceType::Group => 32,
        }
    }

    /// The kind of this number, if it has configurations in the log.
    pub fn from_code(code: i8) -> Option<Self> {
        match code {
            2 => Some(ResourceType::Topic),
            4 => Some(ResourceType::Broker),
            16 => Some(ResourceType::ClientMetrics),
            32 => Some(ResourceType::Group),
            _ => None,
        }
    }
}

impl Default for Image {
    /// Before the first record.
    fn default() -> Self {
        Self {
            cluster_id: None,
            features: OrdMap::new(),
            brokers: OrdMap::new(),
            left: OrdSet::new(),
            topics: OrdMap::new(),
            names: OrdMap::new(),
            collisions: OrdSet::new(),
            configs: OrdMap::new(),
            partition_count: 0,
            moving: OrdSet::new(),
            next_group_id: METADATA_GROUP_ID + 1,
            next_producer_id: 0,
        }
    }
}

impl Image {
    /// The cluster's name, once it is founded.
    pub fn cluster_id(&self) -> Option<&str> {
        self.cluster_id.as_deref()
    }

    /// The levels that the cluster has agreed on, ordered by the feature's name.
    pub fn features(&self) -> impl Iterator<Item = (&str, i16)> {
        self.features.iter().map(|(name, level)| (&**name, *level))
    }

    /// The level of one feature; 0 if it is off.
    pub fn feature_level(&self, name: &str) -> i16 {
        self.features.get(name).copied().unwrap_or(0)
    }

    /// The brokers, by number.
    pub fn brokers(&self) -> impl Iterator<Item = &Arc<Broker>> {
        self.brokers.values()
    }

    /// The broker of this number.
    pub fn broker(&self, id: NodeId) -> Option<&Arc<Broker>> {
        self.brokers.get(&id)
    }

    /// Whether a broker of this number is registered or was once.
    pub fn has_known(&self, id: NodeId) -> bool {
        self.brokers.contains_key(&id) || self.left.contains(&id)
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(self.names.get(name)?)
    }

    /// The topic of this identity.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.get(&id)
    }

    /// All topics, ordered by name.
    pub fn topics(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.names.values().filter_map(|id| self.topics.get(id))
    }

    /// The topics from this name on, ordered by name.
    pub fn topics_from<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Topic>> {
        let from_name = (Bound::Included(name), Bound::Unbounded);
        self.names
            .range::<_, str>(from_name)
            .filter_map(|(_, id)| self.topics.get(id))
    }

    /// How many topics there are.
    pub fn topic_count(&self) -> usize {
        self.topics.len()
    }

    /// How many partitions there are.
    pub fn partition_count(&self) -> usize {
        self.partition_count
    }

    /// The partitions whose replicas are not yet those that are wanted.
    pub fn moving(&self) -> impl Iterator<Item = (&Arc<Topic>, i32, &Partition)> {
        self.moving.iter().filter_map(|(id, number)| {
            let topic = self.topics.get(id)?;
            Some((topic, *number, topic.partition(*number)?))
        })
    }

    /// One partition of a topic.
    pub fn partition(&self, id: TopicId, number: i32) -> Option<&Partition> {
        self.topics.get(&id)?.partition(number)
    }

    /// A topic whose name metrics could not tell from this one, '.' and '_' being the same there.
    pub fn colliding_topic(&self, name: &str) -> Option<&str> {
        let form = collision_form(name)?;
        let first = (form.clone(), Arc::from(""));
        let same_form = self
            .collisions
            .range(first..)
            .take_while(|entry| entry.0 == form);
        same_form
            .map(|(_, other)| &**other)
            .find(|other| *other != name)
    }

    /// The configurations of a resource, as they were written.
    pub fn config(&self, resource: &ConfigResource) -> Option<&Arc<Configs>> {
        match resource.kind {
            ResourceType::Topic => self.topic(&resource.name).map(|topic| &topic.configs),
            ResourceType::Broker | ResourceType::ClientMetrics | ResourceType::Group => {
                self.configs.get(resource)
            }
        }
    }

    /// The resources, topics apart, that have configurations, in order.
    pub fn configured(&self) -> impl Iterator<Item = &ConfigResource> {
        self.configs.keys()
    }

    /// The Raft group that the next partition gets.
    pub fn next_group_id(&self) -> u64 {
        self.next_group_id
    }

    /// The first producer id that was never handed out.
    pub fn next_producer_id(&self) -> i64 {
        self.next_producer_id
    }
}
