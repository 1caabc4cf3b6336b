//! What kind of run a seed makes.

use ottla_platform::seed::mix;

/// What kind of run it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// As brokers are set up by default: what is acknowledged is on disks.
    Flushed,
    /// Acknowledged is what a majority has in its page cache, and no host loses that.
    Cached,
    /// The same, and hosts lose power: records may get lost, but nothing else may break.
    CachedAndLost,
}

impl Flavor {
    /// Five of eight seeds are of the first kind, two of the second, one of the third.
    pub(super) fn of(seed: u64) -> Flavor {
        match mix(seed ^ 3) % 8 {
            0..=4 => Flavor::Flushed,
            5 | 6 => Flavor::Cached,
            _ => Flavor::CachedAndLost,
        }
    }

    /// The setting that makes the difference.
    pub(super) fn flush(self) -> &'static str {
        match self {
            Flavor::Flushed => "ottla.flush=fsync",
            Flavor::Cached | Flavor::CachedAndLost => "ottla.flush=async",
        }
    }

    /// Whether a crash may be a loss of power.
    pub(super) fn loses_power(self) -> bool {
        self != Flavor::Cached
    }

    /// Whether everything that was acknowledged is to be there.
    pub(super) fn keeps_all(self) -> bool {
        self != Flavor::CachedAndLost
    }
}
