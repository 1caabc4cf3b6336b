//! The simulator's clock: it moves only with the simulation. Hosts may be wrong about what day it is,
//! but not about how long something takes.

use std::sync::Arc;
use std::time::Duration;

use super::Conditions;
use crate::clock::Clock;

/// Simulated time, as a host has it. Outside of hosts it stands at zero.
#[derive(Debug, Default)]
pub struct SimClock(Arc<Conditions>);

impl SimClock {
    /// The clock of a host.
    pub fn of(conditions: &Arc<Conditions>) -> SimClock {
        SimClock(Arc::clone(conditions))
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        let since = turmoil::since_epoch().unwrap_or_default();
        let right = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        right.saturating_add(self.0.clock_offset_ms())
    }

    fn monotonic(&self) -> Duration {
        turmoil::sim_elapsed().unwrap_or_default()
    }
}
