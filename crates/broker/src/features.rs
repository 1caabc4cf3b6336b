//! The features of Kafka that this broker can run with, and at which levels.
//!
//! Clients act on what is finalized, so a feature is here only when what it stands for is served:
//! groups, shares, streams and transactions are not, and so their features are not named.

/// A feature and its levels.
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) min: i16,
    pub(crate) max: i16,
}

/// All of them, by name. A new cluster begins with each at its highest level.
pub(crate) const SUPPORTED: &[Feature] = &[
    // What tools know the quorum of controllers by.
    Feature {
        name: "kraft.version",
        min: 0,
        max: 1,
    },
    // Kafka 3.3-IV3 to 4.4-IV2: which records the metadata log may hold.
    Feature {
        name: "metadata.version",
        min: 7,
        max: 33,
    },
];
