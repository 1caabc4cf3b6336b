//! The figures for people, as a table, and for programs, as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contender::Contender;
use crate::figures::{Results, Row};
use crate::{Options, machine};

/// The one that the others are compared with.
const BASE: Contender = Contender::Kafka;

/// Medians, how far the values are from them, and how many times better than Kafka each is.
pub(crate) fn table(results: &Results, contenders: &[Contender]) -> String {
    let mut text = String::new();
    let mut line = |first: &str, cells: Vec<String>| {
        write!(text, "{first:<44}").expect("a string takes all that is written");
        for cell in cells {
            write!(text, " {cell:>22}").expect("a string takes all that is written");
        }
        text.push('\n');
    };
    line("", contenders.iter().map(ToString::to_string).collect());
    for (scenario, rows) in results.scenarios() {
        line(&scenario.title(), Vec::new());
        for row in rows {
            let cells = contenders.iter().map(|contender| cell(row, *contender));
            line(&format!("  {}", row.figure.label), cells.collect());
        }
    }
    text.push_str(
        "± the farthest value from the median; in brackets: how many times better than kafka\n",
    );
    text
}

fn cell(row: &Row, contender: Contender) -> String {
    let Some(median) = row.median(contender) else {
        return "–".to_owned();
    };
    let mut text = significant(median);
    if let Some(spread) = row.spread_percent(contender) {
        write!(text, " ±{spread:.0}%").expect("a string takes all that is written");
    }
    match row.times_better(contender, BASE) {
        Some(times) if contender != BASE => format!("{text} ({}×)", significant(times)),
        _ => text,
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
    let of_row = |row: &Row| {
        let of_contender = |&contender: &Contender| {
            json!({
                "contender": contender.to_string(),
                "median": row.median(contender),
                "values": row.values(contender),
                "times_better_than_kafka": row.times_better(contender, BASE),
            })
        };
        let contenders: Vec<Value> = options.contenders.iter().map(of_contender).collect();
        json!({ "figure": row.figure.label, "contenders": contenders })
    };
    let scenarios = results.scenarios().map(|(scenario, rows)| {
        let figures: Vec<Value> = rows.iter().map(of_row).collect();
        json!({ "scenario": scenario.title(), "figures": figures })
    });
    let scenarios: Vec<Value> = scenarios.collect();
    let whole = json!({ "description": machine::description(options), "scenarios": scenarios });
    format!("{whole:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::less;
    use crate::scenario::Scenario;

    #[test]
    fn a_cell_has_the_median_the_spread_and_the_ratio() {
        let mut results = Results::default();
        let figure = less("s");
        results.add(Scenario::Start, BASE, vec![(figure, 2.5)]);
        for value in [0.05, 0.04, 0.055] {
            results.add(
                Scenario::Start,
                Contender::OttlaFsync,
                vec![(figure, value)],
            );
        }
        let (_, rows) = results.scenarios().next().unwrap();
        let cell = |contender| cell(&rows[0], contender);
        assert_eq!(cell(BASE), "2.50");
        assert_eq!(cell(Contender::OttlaFsync), "0.050 ±20% (50.0×)");
        assert_eq!(cell(Contender::OttlaAsync), "–");
        let table = table(&results, &Contender::USUAL);
        assert!(
            table.contains("start: From the start of the program"),
            "{table}"
        );
    }
}
