//! A run against both brokers, line by line; and against Ottla alone where it does not serve what the run is about.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::thread;
use std::time::Duration;

use ottla_protocol::api::SERVED;

use crate::allowed::{self, Apart};
use crate::normal::{self, Said};
use crate::report::Outcome;
use crate::runs::Run;
use crate::side::Side;

/// Longer than any tool needs on a slow and busy machine.
const WITHIN: Duration = Duration::from_secs(60);
/// What tools say that name no exception, the clearer first.
const SAID: [&str; 2] = ["does not support", "unexpected error"];

/// Runs all lines of a run against both, and fails where what they say differs and nothing allows it.
pub(crate) fn on_both(run: &Run, kafka: &Side, ottla: &Side) -> Result<Outcome, String> {
    let mut uses = BTreeSet::new();
    let mut codes = Vec::new();
    for line in run.lines {
        let (by_kafka, by_ottla) = thread::scope(|scope| {
            let other = scope.spawn(|| kafka.run(line, run.stdin, WITHIN));
            let ottla = ottla.run(line, run.stdin, WITHIN);
            (other.join(), ottla)
        });
        let by_kafka = by_kafka.map_err(|_| "a tool did not end against Kafka")?;
        let expected = normal::said(&by_kafka, kafka, run.view);
        let found = normal::said(&by_ottla, ottla, run.view);
        let complaint = differences(run.name, &expected, &found, &mut uses);
        if !complaint.is_empty() {
            return Err(format!(
                "{line}\n{complaint}--- Kafka\n{by_kafka}\n--- Ottla\n{by_ottla}"
            ));
        }
        codes.push(expected.code.unwrap_or(-1));
    }
    Ok(Outcome::Compared { codes, uses })
}

/// Runs it against Ottla, which does not serve what it needs: it has to end by itself, with an error that says so.
pub(crate) fn refused(run: &Run, ottla: &Side) -> Result<Outcome, String> {
    let served = run
        .lacks
        .iter()
        .find(|api| SERVED.iter().any(|row| row.name == **api));
    if let Some(api) = served {
        return Err(format!("{api} is served: compare the run"));
    }
    let [line] = run.lines else {
        return Err("one line is enough to be refused".to_owned());
    };
    let finished = ottla.run(line, run.stdin, WITHIN);
    let is_said = |words: &&str| {
        let texts = [&finished.stdout, &finished.stderr];
        texts.iter().any(|text| text.contains(*words))
    };
    let reason =
        normal::exception(&finished).or_else(|| SAID.into_iter().find(is_said).map(str::to_owned));
    match (finished.code, reason) {
        (Some(code), Some(reason)) => Ok(Outcome::Refused { code, reason }),
        _ => Err(format!("it does not say why: {finished}")),
    }
}

/// What nothing allows, as text. What is allowed is noted.
fn differences(run: &str, kafka: &Said, ottla: &Said, uses: &mut BTreeSet<usize>) -> String {
    let mut text = String::new();
    if kafka.code != ottla.code {
        let (kafka, ottla) = (kafka.code, ottla.code);
        writeln!(text, "exit codes: Kafka {kafka:?}, Ottla {ottla:?}").expect("a String takes all");
    }
    let mut apart = apart(&kafka.lines, &ottla.lines);
    allowed::remove(run, &mut apart, uses);
    let of_kafka = apart.kafka.iter().map(|line| ("Kafka", line));
    let of_ottla = apart.ottla.iter().map(|line| ("Ottla", line));
    for (who, line) in of_kafka.chain(of_ottla) {
        writeln!(text, "only {who}: {line}").expect("a String takes all");
    }
    text
}

/// The lines that are no part of the longest common sequence of lines.
fn apart<'a>(kafka: &'a [String], ottla: &'a [String]) -> Apart<'a> {
    let (rows, columns) = (kafka.len(), ottla.len());
    // How many lines are common from here on.
    let mut common = vec![vec![0_usize; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            common[row][column] = if kafka[row] == ottla[column] {
                common[row + 1][column + 1] + 1
            } else {
                common[row + 1][column].max(common[row][column + 1])
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut apart = Apart::default();
    while row < rows && column < columns {
        if kafka[row] == ottla[column] {
            (row, column) = (row + 1, column + 1);
        } else if common[row + 1][column] >= common[row][column + 1] {
            apart.kafka.push(&kafka[row]);
            row += 1;
        } else {
            apart.ottla.push(&ottla[column]);
            column += 1;
        }
    }
    apart.kafka.extend(kafka[row..].iter().map(String::as_str));
    apart
        .ottla
        .extend(ottla[column..].iter().map(String::as_str));
    apart
}
