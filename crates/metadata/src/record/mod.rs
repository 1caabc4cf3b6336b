//! The metadata log's records: Kafka's own, in Kafka's frame, so that Kafka's tools read our log.
//!
//! What Kafka has no field for stands in tagged fields from [`OWN_TAG_MIN`] on, which Kafka's
//! readers skip.

mod broker_change;
mod cluster;
mod config;
mod feature_level;
mod frame;
mod partition;
mod producer_ids;
mod register_broker;
mod remove_topic;
mod topic;
mod unregister_broker;

#[cfg(test)]
pub(crate) mod arbitrary;

pub use broker_change::BrokerRegistrationChangeRecord;
pub use cluster::ClusterRecord;
pub use config::ConfigRecord;
pub use feature_level::FeatureLevelRecord;
pub use frame::{DecodeError, OWN_TAG_MIN, Record, decode, encode};
pub use partition::PartitionRecord;
pub use producer_ids::ProducerIdsRecord;
pub use register_broker::{BrokerEndpoint, FeatureRange, RegisterBrokerRecord, Vote};
pub use remove_topic::RemoveTopicRecord;
pub use topic::TopicRecord;
pub use unregister_broker::UnregisterBrokerRecord;
