//! What is measured, and the numbers collected for it.

use std::collections::BTreeMap;

use crate::contender::Contender;

/// One thing that is measured in every turn, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Metric {
    StartSeconds,
    IdleResidentMib,
    IdleAnonymousMib,
    IdleCpuPercent,
    ProduceMibPerSecond,
    ReplicateMibPerSecond,
    ProduceCpuSecondsPerGib,
    ConsumeMibPerSecond,
    ConsumeCpuSecondsPerGib,
    LoadedAnonymousMib,
    TopicsSeconds,
    TopicsIdleCpuPercent,
    TopicsResidentMib,
    TopicsAnonymousMib,
}

impl Metric {
    /// What the table calls it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Metric::StartSeconds => "start to first Metadata answer, s",
            Metric::IdleResidentMib => "idle: resident memory, MiB",
            Metric::IdleAnonymousMib => "idle: anonymous memory, MiB",
            Metric::IdleCpuPercent => "idle: CPU, % of a core",
            Metric::ProduceMibPerSecond => "produce: MiB/s",
            Metric::ReplicateMibPerSecond => "produce, until all brokers have it: MiB/s",
            Metric::ProduceCpuSecondsPerGib => "produce: broker CPU s/GiB",
            Metric::ConsumeMibPerSecond => "consume: MiB/s",
            Metric::ConsumeCpuSecondsPerGib => "consume: broker CPU s/GiB",
            Metric::LoadedAnonymousMib => "after the load: anonymous memory, MiB",
            Metric::TopicsSeconds => "many topics: creating them, s",
            Metric::TopicsIdleCpuPercent => "many topics, idle: CPU, % of a core",
            Metric::TopicsResidentMib => "many topics, idle: resident memory, MiB",
            Metric::TopicsAnonymousMib => "many topics, idle: anonymous memory, MiB",
        }
    }

    /// Whether less of it is better.
    pub(crate) fn less_is_better(self) -> bool {
        !matches!(
            self,
            Metric::ProduceMibPerSecond
                | Metric::ReplicateMibPerSecond
                | Metric::ConsumeMibPerSecond
        )
    }
}

/// The figures of one turn.
pub(crate) type Turn = BTreeMap<Metric, f64>;

/// The figures of all turns, in the order they were taken.
#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<Metric, BTreeMap<Contender, Vec<f64>>>);

impl Results {
    /// Adds the figures of one turn.
    pub(crate) fn add(&mut self, contender: Contender, turn: Turn) {
        for (metric, value) in turn {
            let of_metric = self.0.entry(metric).or_default();
            of_metric.entry(contender).or_default().push(value);
        }
    }

    /// What was measured, in the order of the table.
    pub(crate) fn metrics(&self) -> impl Iterator<Item = Metric> {
        self.0.keys().copied()
    }

    /// Every value of this metric, in the order they were taken.
    pub(crate) fn values(&self, metric: Metric, contender: Contender) -> &[f64] {
        let of_metric = self.0.get(&metric);
        of_metric
            .and_then(|contenders| contenders.get(&contender))
            .map_or(&[], Vec::as_slice)
    }

    /// The middle value; the mean of the middle two of an even number.
    pub(crate) fn median(&self, metric: Metric, contender: Contender) -> Option<f64> {
        let mut values = self.values(metric, contender).to_vec();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
        Some((values[low] + values[high]) / 2.0)
    }

    /// How many times better than the other one, by the medians; `None` where that makes no sense.
    pub(crate) fn times_better(
        &self,
        metric: Metric,
        contender: Contender,
        than: Contender,
    ) -> Option<f64> {
        let ours = self.median(metric, contender)?;
        let theirs = self.median(metric, than)?;
        let (better, worse) = match metric.less_is_better() {
            true => (theirs, ours),
            false => (ours, theirs),
        };
        (worse > 0.0).then(|| better / worse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(metric: Metric, ours: &[f64], theirs: &[f64]) -> Results {
        let mut results = Results::default();
        for (contender, values) in [(Contender::OttlaFsync, ours), (Contender::Kafka, theirs)] {
            for &value in values {
                results.add(contender, Turn::from([(metric, value)]));
            }
        }
        results
    }

    #[test]
    fn the_median_is_the_middle_value() {
        let results = results(Metric::StartSeconds, &[5.0, 1.0, 3.0], &[4.0, 2.0]);
        let median = |contender| results.median(Metric::StartSeconds, contender);
        assert_eq!(median(Contender::OttlaFsync), Some(3.0));
        assert_eq!(median(Contender::Kafka), Some(3.0));
        assert_eq!(median(Contender::OttlaAsync), None);
    }

    #[test]
    fn better_is_less_time_and_more_throughput() {
        let better = |metric| {
            let results = results(metric, &[1.0], &[4.0]);
            results.times_better(metric, Contender::OttlaFsync, Contender::Kafka)
        };
        assert_eq!(better(Metric::StartSeconds), Some(4.0));
        assert_eq!(better(Metric::ProduceMibPerSecond), Some(0.25));
    }
}
