//! What kind of run a seed makes.

use ottla_platform::seed::mix;

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// As brokers are set up by default: what is acknowledged is on disks.
    Flushed,
    /// Acknowledged is what a majority has in its page cache, and no host loses that.
    Cached,
}

impl Flavor {
    /// Three of four seeds are of the first kind.
    pub(super) fn of(seed: u64) -> Flavor {
        match mix(seed ^ 3) % 4 {
            0..=2 => Flavor::Flushed,
            _ => Flavor::Cached,
        }
    }

    /// The setting that makes the difference.
    pub(super) fn flush(self) -> &'static str {
        match self {
            Flavor::Flushed => "ottla.flush=fsync",
            Flavor::Cached => "ottla.flush=async",
        }
    }

    /// Whether one of the brokers comes back with an emptied disk, once.
    pub(super) fn loses_a_disk(seed: u64) -> bool {
        mix(seed ^ 4).is_multiple_of(3)
    }

    /// Whether a crash may be a loss of power.
    pub(super) fn loses_power(self) -> bool {
        self == Flavor::Flushed
    }
}
