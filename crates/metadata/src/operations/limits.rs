//! What creating topics and partitions is bound by.

use crate::config::TopicDefaults;

/// What a topic gets where its creation does not say.
#[derive(Clone, Debug)]
pub struct CreationDefaults {
    /// `num.partitions`.
    pub partitions: i32,
    /// `default.replication.factor`, if it is set; otherwise there are as many replicas as brokers,
    /// up to [`GROWN_FACTOR`], and more as brokers come.
    pub replication_factor: Option<i16>,
    /// Defaults of the configurations.
    pub configs: TopicDefaults,
    /// Whether brokers have a setting of this name. One that they have not is somebody else's, a
    /// plugin's perhaps, and is kept for it.
    pub is_broker_setting: fn(&str) -> bool,
    /// Bounds of one request and of the cluster.
    pub limits: TopicLimits,
}

/// Up to how many replicas a partition grows whose topic does not say how many it wants.
pub const GROWN_FACTOR: i16 = 3;

impl CreationDefaults {
    /// How many replicas each partition gets in a cluster of so many brokers.
    pub fn factor(&self, brokers: usize) -> i16 {
        let grown =
            || i16::try_from(brokers).map_or(GROWN_FACTOR, |all| all.clamp(1, GROWN_FACTOR));
        self.replication_factor.unwrap_or_else(grown)
    }
}

impl Default for CreationDefaults {
    fn default() -> Self {
        Self {
            partitions: 1,
            replication_factor: None,
            configs: TopicDefaults::default(),
            is_broker_setting: |_| false,
            limits: TopicLimits::default(),
        }
    }
}

/// More settings of a broker that are nobody's are not kept.
pub(super) const FOREIGN_SETTINGS_MAX: usize = 100;

/// Bounds of one request and of the cluster; the request that exceeds one is refused as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicLimits {
    /// Most partitions that one request may ask for, over all its topics; Kafka's number.
    pub partitions_per_request_max: usize,
    /// Most records that one request may write; Kafka's number.
    pub records_per_request_max: usize,
    /// Most partitions in the cluster.
    pub partitions_total_max: usize,
}

impl Default for TopicLimits {
    fn default() -> Self {
        Self {
            partitions_per_request_max: 10_000,
            records_per_request_max: 10_000,
            partitions_total_max: 200_000,
        }
    }
}
