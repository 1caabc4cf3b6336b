//! How each scenario is measured: a JVM is given time to compile its code before, and so is everybody else.

pub(crate) mod bulk;
pub(crate) mod cleaning;
pub(crate) mod cold;
pub(crate) mod deaths;
pub(crate) mod idle;
pub(crate) mod paced;
pub(crate) mod transactions;

use crate::figures::{Figure, Turn, less};
use crate::latencies::Latencies;

/// What is filled and read before anything is measured.
const WARM_UP: &str = "warm-up";
/// What is filled and read while it is measured.
const TOPIC: &str = "measured";

const P50: Figure = less("p50, ms");
const P99: Figure = less("p99, ms");
const P999: Figure = less("p99.9, ms");

/// Notes percentiles.
fn add_latencies(turn: &mut Turn, latencies: &mut Latencies) {
    for (figure, permille) in [(P50, 500), (P99, 990), (P999, 999)] {
        turn.extend(latencies.at_permille(permille).map(|it| (figure, it)));
    }
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
