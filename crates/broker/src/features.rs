//! The features of Kafka that this broker can run with, and at which levels.
//!
//! Clients act on what is finalized, so a feature is here only when what it stands for is served:
//! groups, shares and streams are not, and so their features are not named.

/// A feature and its levels.
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) min: i16,
    pub(crate) max: i16,
    /// The level that a new cluster begins with; 0 is off.
    pub(crate) initial: i16,
}

/// All of them, by name.
pub(crate) const SUPPORTED: &[Feature] = &[
    // Which quorums of controllers there can be; Kafka begins with the fixed one.
    Feature {
        name: "kraft.version",
        min: 0,
        max: 1,
        initial: 0,
    },
    // Kafka 3.3-IV3 to 4.4-IV2: which records the metadata log may hold.
    Feature {
        name: "metadata.version",
        min: 7,
        max: 33,
        initial: 33,
    },
    // By which rules transactions end: KIP-98, KIP-890 with flexible records, KIP-890 with an epoch for each.
    Feature {
        name: "transaction.version",
        min: 0,
        max: 2,
        initial: 2,
    },
];
