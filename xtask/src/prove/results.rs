//! How the long proofs ended: tests/results.tsv.

use std::fs::OpenOptions;
use std::io::Write;

use crate::shell::{self, Outcome};

const FILE: &str = "tests/results.tsv";

/// The commit that is proved; a `+` after it says that files were changed since.
pub(super) fn commit() -> Outcome<String> {
    let head = shell::output_of(shell::command("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let changed = shell::output_of(shell::command("git").args([
        "status",
        "--porcelain",
        "--",
        ".",
        &format!(":!{FILE}"),
    ]))?;
    let mark = if changed.trim().is_empty() { "" } else { "+" };
    Ok(format!("{}{mark}", head.trim()))
}

/// Adds a line.
pub(super) fn add(commit: &str, proof: &str, what: &str, minutes: f64, good: bool) -> Outcome {
    let verdict = if good { "good" } else { "bad" };
    let line = format!("{commit}\t{proof}\t{what}\t{minutes:.1}\t{verdict}\n");
    let path = shell::root().join(FILE);
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()))
        .map_err(|error| format!("cannot write {FILE}: {error}"))?;
    print!("recorded in {FILE}: {line}");
    Ok(())
}
