//! Configurations of topics and groups: the keys of Kafka 4.4 and our own, from text to typed
//! values.
//!
//! Text comes from users (overrides of a topic or group) and from the brokers' settings (defaults,
//! under Kafka's broker names, in layers). It is parsed and checked here and nowhere else; what
//! leaves is a [`TopicConfig`], or the entries that DescribeConfigs shows.

mod broker;
mod check;
mod defaults;
mod describe;
mod group;
mod key;
mod resolved;
mod table;
mod validate;
mod value;

pub(crate) use broker::broker_list;
pub use broker::{
    BrokerConfigs, FOLLOWER_THROTTLED_RATE, InvalidBrokerConfig, LEADER_THROTTLED_RATE,
    broker_setting, dynamic_broker_setting,
};
pub use check::Check;
pub use defaults::{InvalidDefault, TopicDefaults};
pub use describe::{ConfigEntry, ConfigSource, ConfigSynonym};
pub use group::{InvalidGroupConfig, describe_group, validate_group};
pub use key::{Kind, Synonym, TopicKey, Unit, Visibility};
pub use resolved::{
    CleanupPolicy, Compression, Flush, ThrottledReplicas, TimestampType, TopicConfig,
};
pub use table::{TOPIC_KEYS, topic_key};
pub use validate::InvalidConfig;
pub use value::{ParseError, Value};
