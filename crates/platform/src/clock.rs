//! Time as a door: wall clock for what users see, monotonic clock for leases and deadlines.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: Send + Sync + Debug {
    /// Wall clock, milliseconds since the Unix epoch. May jump in either direction.
    fn now_ms(&self) -> i64;

    /// Time since some fixed moment; never goes back. Stands still while a machine is suspended.
    fn monotonic(&self) -> Duration;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The clock that a broker has.
#[cfg(not(feature = "faults"))]
pub fn system() -> Arc<dyn Clock> {
    Arc::new(SystemClock::default())
}

/// The clock that a broker has, behind the doors for faults.
#[cfg(feature = "faults")]
pub fn system() -> Arc<dyn Clock> {
    Arc::new(FaultyClock {
        clock: SystemClock::default(),
        faults: crate::faults::Faults::of_process(),
    })
}

/// The machine's clocks, of which the wall clock may be wrong ([`crate::faults`]).
#[cfg(feature = "faults")]
#[derive(Debug)]
struct FaultyClock {
    clock: SystemClock,
    faults: Arc<crate::faults::Faults>,
}

#[cfg(feature = "faults")]
impl Clock for FaultyClock {
    fn now_ms(&self) -> i64 {
        let offset_ms = self.faults.clock_offset_ms();
        self.clock.now_ms().saturating_add(offset_ms)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// A clock that moves only when told, for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    wall_ms: AtomicI64,
    elapsed_ms: AtomicU64,
}

impl ManualClock {
    /// A clock that shows `now_ms`.
    pub fn at(now_ms: i64) -> ManualClock {
        ManualClock {
            wall_ms: AtomicI64::new(now_ms),
            elapsed_ms: AtomicU64::new(0),
        }
    }

    /// Moves both clocks forward.
    pub fn advance(&self, by: Duration) {
        let ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        self.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
        let ms = i64::try_from(ms).unwrap_or(i64::MAX);
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Sets the wall clock alone, also backwards.
    pub fn set_wall(&self, now_ms: i64) {
        self.wall_ms.store(now_ms, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::at(1_000);
        clock.advance(Duration::from_millis(5));
        assert_eq!((clock.now_ms(), clock.monotonic().as_millis()), (1_005, 5));
        clock.set_wall(10);
        assert_eq!((clock.now_ms(), clock.monotonic().as_millis()), (10, 5));
    }

    #[test]
    fn the_system_clock_is_past_2020() {
        assert!(SystemClock::default().now_ms() > 1_577_836_800_000);
    }
}
