//! Topic configurations: the keys of Kafka 4.4 and our own, from text to typed values.
//!
//! Text comes from users (overrides of a topic) and from the broker's settings (defaults, under
//! Kafka's broker names). It is parsed and checked here and nowhere else; what leaves is a
//! [`TopicConfig`], or the entries that DescribeConfigs shows.

mod check;
mod defaults;
mod describe;
mod key;
mod resolved;
mod table;
mod validate;
mod value;

pub use check::Check;
pub use defaults::{InvalidDefault, TopicDefaults};
pub use describe::{ConfigEntry, ConfigSource, ConfigSynonym};
pub use key::{Kind, Synonym, TopicKey, Unit, Visibility};
pub use resolved::{
    CleanupPolicy, Compression, Flush, ThrottledReplicas, TimestampType, TopicConfig,
};
pub use table::{TOPIC_KEYS, topic_key};
pub use validate::InvalidConfig;
pub use value::{ParseError, Value};
