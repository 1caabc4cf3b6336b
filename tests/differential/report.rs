//! The section of docs/compatibility.md that this suite writes, and holds the tree to.

use std::fmt::{self, Write as _};
use std::path::PathBuf;

use ottla_protocol::api::SERVED;
use ottla_tests::folders;

use crate::allowed::{ALLOWED, Allowed, Rule};
use crate::findings::Findings;

/// The line before the section; what is above it is made from the table of served APIs.
const MARK: &str =
    "<!-- What follows is written by `cargo xtask docs --differential`. Do not edit. -->\n";
/// Set to anything, it makes a whole run write the section instead of comparing it.
const BLESS: &str = "DIFFERENTIAL_BLESS";

/// Judges a run of all scenarios: everything served was compared, every allowed difference was
/// needed, and the document says what was found.
pub(crate) fn judge(findings: &Findings, kafka_version: &str) -> Result<(), String> {
    let left_out = findings.versions_left_out(SERVED);
    if !left_out.is_empty() {
        return Err(format!("served, and compared by no scenario: {left_out:?}"));
    }
    let unused: Vec<&str> = (0..ALLOWED.len())
        .filter(|entry| !findings.allowed.contains(entry))
        // What chance or a clock decides may happen to agree.
        .filter(|entry| !matches!(ALLOWED[*entry].rule, Rule::Given | Rule::There))
        .map(|entry| ALLOWED[entry].field)
        .collect();
    if !unused.is_empty() {
        return Err(format!("allowed to differ, and never did: {unused:?}"));
    }
    let section = render(findings, kafka_version).expect("writing to a String does not fail");
    let path = document();
    let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (head, in_tree) = text
        .split_once(MARK)
        .ok_or_else(|| format!("{} lacks the line {MARK:?}", path.display()))?;
    if std::env::var_os(BLESS).is_some() {
        let text = format!("{head}{MARK}{section}");
        return std::fs::write(&path, text).map_err(|error| error.to_string());
    }
    if in_tree == section {
        return Ok(());
    }
    Err(format!(
        "docs/compatibility.md is out of date: run `cargo xtask docs --differential`; found was\n{section}"
    ))
}

fn document() -> PathBuf {
    folders::workspace().join("docs/compatibility.md")
}

fn render(findings: &Findings, kafka_version: &str) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let exchanges: usize = findings
        .counts
        .values()
        .map(|counts| counts.exchanges)
        .sum();
    let fields: usize = findings.counts.values().map(|counts| counts.fields).sum();
    writeln!(
        text,
        "\n## Compared with Apache Kafka\n\n\
         The suite `differential` sends the same requests to a broker of Apache Kafka {kafka_version} and to Ottla, in\n\
         every version that is served, with what succeeds and what is refused, and compares the answers field by field:\n\
         {exchanges} exchanges with {fields} fields, and {} frames that are no request. Names that a broker gives out\n\
         (topic ids, member ids) are compared as names, ports and folders as those of the broker that says them. The\n\
         order of array elements counts only where Kafka promises one.\n\n\
         | API | versions | exchanges | fields |\n|---|---:|---:|---:|",
        findings.raw
    )?;
    for (api, counts) in &findings.counts {
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            api.spec().name,
            counts.versions.len(),
            counts.exchanges,
            counts.fields
        )?;
    }
    writeln!(
        text,
        "\nIn these exchanges {} differences are allowed, and there are no others:\n\n\
         | API | field | Apache Kafka | Ottla | why |\n|---|---|---|---|---|",
        ALLOWED.len()
    )?;
    for entry in ALLOWED {
        write_allowed(&mut text, entry)?;
    }
    Ok(text)
}

fn write_allowed(text: &mut String, entry: &Allowed) -> fmt::Result {
    let (kafka, ottla) = match entry.rule {
        Rule::There => ("its own", "its own"),
        Rule::Presence => ("its own, or null", "its own, or null likewise"),
        Rule::Given => ("a number from 0 on", "another"),
        Rule::Exactly(kafka, ottla) => (kafka, ottla),
        Rule::OnlyKafka => ("has it", "has it not"),
        Rule::OnlyOttla => ("has it not", "has it"),
    };
    let api = entry.api.map_or("all", |api| api.spec().name);
    let of = match entry.of {
        [] => String::new(),
        names => format!(" of {}", names.join(", ")),
    };
    let place = entry
        .scenario
        .map_or_else(String::new, |scenario| format!(" in {scenario}"));
    writeln!(
        text,
        "| {api} | `{}`{of}{place} | {kafka} | {ottla} | {} |",
        entry.field, entry.why
    )
}
