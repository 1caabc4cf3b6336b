//! `cargo xtask docs`: docs/compatibility.md, and its summary in README.md, are made from the table
//! of served APIs.
//!
//! The table and its renderer live in `ottla-protocol`; they are run as a program of their own, so
//! that this crate stays quick to build and works when others do not compile. Tests of that crate
//! fail when the tree does not hold what the renderer prints.
//!
//! What follows the mark in docs/compatibility.md is what the suite `differential` found; with
//! `--differential` that suite is run and writes it. With `--tools` the suite `tool_runs` writes
//! docs/tools.md likewise.

use clap::Args;

use crate::shell::{self, Outcome};

const PAGE: &str = "docs/compatibility.md";
const README: &str = "README.md";
/// The line of the README before the summary.
const MARK: &str = "<!-- the next line is made by `cargo xtask docs` -->";

/// The first words of the line in the page before what the suite `differential` writes.
const DIFFERENTIAL_MARK: &str = "<!-- What follows is written by";

/// What to write.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Also run the suite that compares Ottla with Apache Kafka, and write what it finds
    #[arg(long)]
    differential: bool,
    /// Also run Kafka's tools against both, and write what they find
    #[arg(long)]
    tools: bool,
}

/// Writes both.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let page = std::fs::read_to_string(shell::root().join(PAGE))
        .map_err(|error| format!("cannot read {PAGE}: {error}"))?;
    let found = page
        .find(DIFFERENTIAL_MARK)
        .ok_or_else(|| format!("{PAGE} has no line {DIFFERENTIAL_MARK:?}"))?;
    write(PAGE, &format!("{}\n{}", rendered(&[])?, &page[found..]))?;
    let readme = std::fs::read_to_string(shell::root().join(README))
        .map_err(|error| format!("cannot read {README}: {error}"))?;
    write(
        README,
        &with_summary(&readme, rendered(&["summary"])?.trim())?,
    )?;
    if arguments.differential {
        compare_with_kafka("differential", "DIFFERENTIAL_BLESS")?;
    }
    if arguments.tools {
        compare_with_kafka("tool_runs", "TOOL_RUNS_BLESS")?;
    }
    Ok(())
}

/// Runs a suite that then writes its part of a document.
fn compare_with_kafka(suite: &str, bless: &str) -> Outcome {
    let mut command = shell::cargo();
    command
        .args(["test", "--package", "ottla-tests", "--test", suite])
        .env("CI", "true") // without Kafka's jars it fails rather than finding nothing
        .env(bless, "1");
    shell::run(&mut command)
}

fn rendered(arguments: &[&str]) -> Outcome<String> {
    let mut command = shell::cargo();
    command
        .args(["run", "--quiet", "--package", "ottla-protocol"])
        .args(["--example", "compatibility", "--"])
        .args(arguments);
    shell::output_of(&mut command)
}

fn with_summary(readme: &str, summary: &str) -> Outcome<String> {
    let missing = || format!("{README} has no line {MARK:?}");
    let (before, after) = readme.split_once(MARK).ok_or_else(missing)?;
    let after = after.trim_start_matches('\n');
    let (_, rest) = after.split_once('\n').unwrap_or((after, ""));
    Ok(format!("{before}{MARK}\n{summary}\n{rest}"))
}

fn write(file: &str, text: &str) -> Outcome {
    std::fs::write(shell::root().join(file), text)
        .map_err(|error| format!("cannot write {file}: {error}"))?;
    println!("wrote {file}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_after_the_mark_is_replaced() {
        let readme = format!("a\n{MARK}\nold\nb\n");
        let expected = format!("a\n{MARK}\nnew\nb\n");
        assert_eq!(with_summary(&readme, "new").unwrap(), expected);
        assert!(with_summary("a\n", "new").is_err());
    }
}
