//! The figures for people, as a table, and for programs, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::figures::{Metric, Results};
use crate::{Options, machine};

/// The one that the others are compared with.
const BASE: Contender = Contender::Kafka;

/// Medians, and how many times better than Kafka each is.
pub(crate) fn table(results: &Results, contenders: &[Contender]) -> String {
    let mut text = format!("{:<42}", "");
    for contender in contenders {
        write!(text, " {contender:>20}").expect("a string takes all that is written");
    }
    text.push('\n');
    for metric in results.metrics() {
        write!(text, "{:<42}", metric.label()).expect("a string takes all that is written");
        for &contender in contenders {
            let cell = cell(results, metric, contender);
            write!(text, " {cell:>20}").expect("a string takes all that is written");
        }
        text.push('\n');
    }
    text.push_str("in brackets: how many times better than kafka\n");
    text
}

fn cell(results: &Results, metric: Metric, contender: Contender) -> String {
    let Some(median) = results.median(metric, contender) else {
        return "–".to_owned();
    };
    let number = significant(median);
    match results.times_better(metric, contender, BASE) {
        Some(times) if contender != BASE => format!("{number} ({}×)", significant(times)),
        _ => number,
    }
}

/// Three digits that mean something.
fn significant(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 1.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

/// Every value of every turn.
pub(crate) fn json(results: &Results, options: &Options) -> String {
    let figures: Vec<Value> = results
        .metrics()
        .map(|metric| {
            let of_contender = |&contender: &Contender| {
                json!({
                    "contender": contender.to_string(),
                    "median": results.median(metric, contender),
                    "values": results.values(metric, contender),
                    "times_better_than_kafka": results.times_better(metric, contender, BASE),
                })
            };
            let contenders: Vec<Value> = options.contenders.iter().map(of_contender).collect();
            json!({ "metric": metric.label(), "contenders": contenders })
        })
        .collect();
    let whole = json!({ "description": machine::description(options), "figures": figures });
    format!("{whole:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Turn;

    #[test]
    fn a_cell_has_the_median_and_the_ratio() {
        let mut results = Results::default();
        results.add(BASE, Turn::from([(Metric::StartSeconds, 2.5)]));
        results.add(
            Contender::OttlaFsync,
            Turn::from([(Metric::StartSeconds, 0.05)]),
        );
        let cell = |contender| cell(&results, Metric::StartSeconds, contender);
        assert_eq!(cell(BASE), "2.50");
        assert_eq!(cell(Contender::OttlaFsync), "0.050 (50.0×)");
        assert_eq!(cell(Contender::OttlaAsync), "–");
    }
}
