//! When each record is due.
//!
//! With a rate the plan is fixed before the first record: a record that is held up by those before it is late, and
//! its latency counts from when it was due. So a stall of the cluster shows in every record that it delayed, not in
//! one (coordinated omission).

use std::time::{Duration, Instant};

/// A plan for a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    started: Instant,
    /// Records a second; `None`: each as soon as the one before is on its way.
    rate: Option<f64>,
}

impl Pace {
    pub(super) fn start(rate: Option<f64>, now: Instant) -> Self {
        Pace { started: now, rate }
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// When the record with this number is due; without a rate now.
    pub(super) fn due(&self, number: u64, now: Instant) -> Instant {
        match self.rate {
            None => now,
            Some(rate) => self.started + Duration::from_secs_f64(number as f64 / rate),
        }
    }

    /// Waits until the record with this number is due; when that was.
    pub(super) async fn wait(&self, number: u64) -> Instant {
        let now = Instant::now();
        let due = self.due(number, now);
        if due > now {
            tokio::time::sleep_until(due.into()).await;
        }
        due
    }
}

/// Reads a rate: a number of records a second above none.
pub(super) fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| rate.is_finite() && *rate >= 0.001)
        .ok_or_else(|| format!("\"{text}\" is not a number of records a second"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_record_was_due_when_the_plan_says() {
        let start = Instant::now();
        let later = start + Duration::from_secs(60);
        let pace = Pace::start(Some(100.0), start);
        assert_eq!(pace.due(50, later), start + Duration::from_millis(500));
        assert_eq!(Pace::start(None, start).due(50, later), later);
    }

    #[test]
    fn rates_are_positive_numbers() {
        assert_eq!(parse_rate("0.5"), Ok(0.5));
        for wrong in ["", "0", "-1", "inf", "NaN", "fast"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
