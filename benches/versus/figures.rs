//! What is measured, and the numbers collected for it.

use std::collections::BTreeMap;

use crate::contender::Contender;
use crate::scenario::Scenario;

/// One thing that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Figure {
    /// What the table calls it, with its unit.
    pub(crate) label: &'static str,
    pub(crate) better: Better,
}

/// Which of two numbers is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// A figure of which less is better.
pub(crate) const fn less(label: &'static str) -> Figure {
    Figure {
        label,
        better: Better::Less,
    }
}

/// A figure of which more is better.
pub(crate) const fn more(label: &'static str) -> Figure {
    Figure {
        label,
        better: Better::More,
    }
}

/// The figures of one turn, in the order of the table.
pub(crate) type Turn = Vec<(Figure, f64)>;

/// The figures of all turns.
#[derive(Debug, Default)]
pub(crate) struct Results(BTreeMap<Scenario, Vec<Row>>);

/// The values of one figure.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) figure: Figure,
    /// In the order they were taken.
    values: BTreeMap<Contender, Vec<f64>>,
}

impl Results {
    /// Adds the figures of one turn.
    pub(crate) fn add(&mut self, scenario: Scenario, contender: Contender, turn: Turn) {
        let rows = self.0.entry(scenario).or_default();
        for (figure, value) in turn {
            let place = rows.iter().position(|row| row.figure == figure);
            let place = place.unwrap_or_else(|| {
                rows.push(Row::new(figure));
                rows.len() - 1
            });
            let values = rows[place].values.entry(contender).or_default();
            values.push(value);
        }
    }

    /// What was measured, in the order of the table.
    pub(crate) fn scenarios(&self) -> impl Iterator<Item = (Scenario, &[Row])> {
        let scenarios = self.0.iter();
        scenarios.map(|(scenario, rows)| (*scenario, rows.as_slice()))
    }
}

impl Row {
    fn new(figure: Figure) -> Row {
        Row {
            figure,
            values: BTreeMap::new(),
        }
    }

    /// Every value, in the order they were taken.
    pub(crate) fn values(&self, contender: Contender) -> &[f64] {
        self.values.get(&contender).map_or(&[], Vec::as_slice)
    }

    /// The middle value; the mean of the middle two of an even number.
    pub(crate) fn median(&self, contender: Contender) -> Option<f64> {
        let mut values = self.values(contender).to_vec();
        values.sort_by(f64::total_cmp);
        let (low, high) = (values.len().checked_sub(1)? / 2, values.len() / 2);
        Some((values[low] + values[high]) / 2.0)
    }

    /// How far the values are from their median, at most, in percent of it; `None` of a single value.
    pub(crate) fn spread_percent(&self, contender: Contender) -> Option<f64> {
        let values = self.values(contender);
        let median = self
            .median(contender)
            .filter(|it| *it > 0.0 && values.len() > 1)?;
        let off = values.iter().map(|value| (value - median).abs());
        Some(100.0 * off.fold(0.0, f64::max) / median)
    }

    /// How many times better than the other one, by the medians; `None` where that makes no sense.
    pub(crate) fn times_better(&self, contender: Contender, than: Contender) -> Option<f64> {
        let ours = self.median(contender)?;
        let theirs = self.median(than)?;
        let (better, worse) = match self.figure.better {
            Better::Less => (theirs, ours),
            Better::More => (ours, theirs),
        };
        (worse > 0.0).then(|| better / worse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(figure: Figure, ours: &[f64], theirs: &[f64]) -> Row {
        let mut row = Row::new(figure);
        row.values.insert(Contender::OttlaFsync, ours.to_vec());
        row.values.insert(Contender::Kafka, theirs.to_vec());
        row
    }

    #[test]
    fn the_median_is_the_middle_value_and_the_spread_the_way_to_the_farthest() {
        let row = row(less("s"), &[5.0, 1.0, 3.0], &[4.0, 2.0]);
        assert_eq!(row.median(Contender::OttlaFsync), Some(3.0));
        assert_eq!(row.median(Contender::Kafka), Some(3.0));
        assert_eq!(row.median(Contender::OttlaAsync), None);
        let spread = row.spread_percent(Contender::OttlaFsync);
        assert_eq!(spread.map(f64::round), Some(67.0));
    }

    #[test]
    fn better_is_less_time_and_more_throughput() {
        let better = |figure| {
            row(figure, &[1.0], &[4.0]).times_better(Contender::OttlaFsync, Contender::Kafka)
        };
        assert_eq!(better(less("s")), Some(4.0));
        assert_eq!(better(more("MiB/s")), Some(0.25));
    }

    #[test]
    fn figures_keep_the_order_of_the_first_turn() {
        let mut results = Results::default();
        for value in [1.0, 2.0] {
            let turn = vec![(less("b"), value), (less("a"), value)];
            results.add(Scenario::Start, Contender::Kafka, turn);
        }
        let (_, rows) = results.scenarios().next().unwrap();
        let labels: Vec<_> = rows.iter().map(|row| row.figure.label).collect();
        assert_eq!(labels, ["b", "a"]);
        assert_eq!(rows[1].values(Contender::Kafka), [1.0, 2.0]);
    }
}
