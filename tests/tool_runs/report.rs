//! docs/tools.md, which this suite writes below its head, and holds the tree to.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use ottla_tests::document::Section;

use crate::allowed::ALLOWED;
use crate::runs::Run;

const SECTION: Section = Section {
    path: "docs/tools.md",
    mark: "<!-- What follows is written by `cargo xtask docs --tools`. Do not edit. -->\n",
    bless: "TOOL_RUNS_BLESS",
    command: "cargo xtask docs --tools",
};

/// What came of a run.
pub(crate) enum Outcome {
    /// Both said the same, but for what is allowed.
    Compared {
        /// The exit codes of its lines.
        codes: Vec<i32>,
        /// Places in [`ALLOWED`].
        uses: BTreeSet<usize>,
    },
    /// Ottla does not serve what it needs.
    Refused { code: i32, reason: String },
}

/// Judges a run of all: every allowed difference was needed, and the document says what was found.
pub(crate) fn judge(outcomes: &[(&Run, Outcome)], kafka_version: &str) -> Result<(), String> {
    let used: BTreeSet<usize> = outcomes
        .iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Compared { uses, .. } => Some(uses),
            Outcome::Refused { .. } => None,
        })
        .flatten()
        .copied()
        .collect();
    let unused: Vec<&str> = (0..ALLOWED.len())
        .filter(|entry| !used.contains(entry))
        .map(|entry| ALLOWED[entry].why)
        .collect();
    if !unused.is_empty() {
        return Err(format!("allowed to differ, and never did: {unused:?}"));
    }
    let section = render(outcomes, kafka_version).expect("writing to a String does not fail");
    SECTION.hold_to(&section)
}

fn render(outcomes: &[(&Run, Outcome)], kafka_version: &str) -> Result<String, fmt::Error> {
    let (mut same, mut allowed, mut refused) = (0, 0, 0);
    for (_, outcome) in outcomes {
        match outcome {
            Outcome::Compared { uses, .. } if uses.is_empty() => same += 1,
            Outcome::Compared { .. } => allowed += 1,
            Outcome::Refused { .. } => refused += 1,
        }
    }
    let mut text = String::new();
    writeln!(
        text,
        "\nOf {} runs of the tools of Apache Kafka {kafka_version}, {same} say the same of both brokers, {allowed} say the same but for\n\
         what is allowed below, and {refused} need what Ottla does not serve yet.\n\n\
         | run | exit codes | found |\n|---|---|---|",
        outcomes.len()
    )?;
    for (run, outcome) in outcomes {
        write_row(&mut text, run, outcome)?;
    }
    writeln!(
        text,
        "\nAllowed differences, and there are no others (`*` is anything, and the same of both; `…` is anything):\n\n\
         | no. | run | only of Apache Kafka | only of Ottla | why |\n|---:|---|---|---|---|"
    )?;
    for (index, entry) in ALLOWED.iter().enumerate() {
        writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            index + 1,
            entry.runs,
            code(entry.kafka),
            code(entry.ottla),
            entry.why
        )?;
    }
    Ok(text)
}

fn write_row(text: &mut String, run: &Run, outcome: &Outcome) -> fmt::Result {
    let (codes, found) = match outcome {
        Outcome::Compared { codes, uses } => {
            let numbers: Vec<String> = uses.iter().map(|entry| (entry + 1).to_string()).collect();
            let found = match numbers.as_slice() {
                [] => "same".to_owned(),
                numbers => format!("same but for {}", numbers.join(", ")),
            };
            let codes: Vec<String> = codes.iter().map(i32::to_string).collect();
            (codes.join(", "), found)
        }
        Outcome::Refused { code, reason } => {
            let lacks = run.lacks.join(", ");
            (code.to_string(), format!("not served: {lacks}; {reason}"))
        }
    };
    writeln!(text, "| {} | {codes} | {found} |", run.name)
}

fn code(line: &str) -> String {
    match line {
        "" => String::new(),
        line => format!("`{}`", line.replace('|', "\\|")),
    }
}
