//! The simulator's clock: all hosts have the same time, and it moves only with the simulation.

use std::time::Duration;

use crate::clock::Clock;

/// Simulated time. Outside of a host it stands at zero.
#[derive(Debug, Default)]
pub struct SimClock;

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let since = turmoil::since_epoch().unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    fn monotonic(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_default()
    }
}
