//! What can be asked of the metadata, one operation a file: the decision from the image and the
//! input to records and an answer. Nothing here changes the image.

mod alter_configs;
mod brokers;
mod create_partitions;
mod create_topics;
mod delete_topics;
mod found;
mod limits;
mod names;
mod partition_plan;
mod producer_ids;
mod refused;
mod replicas;
mod topic_plan;
mod update_features;
mod voters;

pub use alter_configs::{AlterConfigs, ConfigChange, KeyChange, ResourceChange};
pub use brokers::{FenceBroker, RegisterBroker, UnregisterBroker};
pub use create_partitions::{CreatePartitions, NewPartitions, PartitionsOutcome};
pub use create_topics::{CreateTopics, CreatedTopic, NewTopic, NewTopicAssignment, TopicOutcome};
pub use delete_topics::{DeleteTopics, DeletedTopic, TopicReference};
pub use found::Found;
pub use limits::{CreationDefaults, GROWN_FACTOR, TopicLimits};
pub use producer_ids::{AllocateProducerIds, PRODUCER_ID_BLOCK_SIZE, ProducerIdBlock};
pub use refused::Refused;
pub use replicas::{AlterReplicas, NewReplicas, RenewReplicas, SettleReplicas, misplaced};
pub use update_features::{FeatureUpdate, UpdateFeatures};
pub use voters::ChooseVoter;
