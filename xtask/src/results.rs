//! How the long proofs ended: tests/results.tsv. Each run, good or bad, adds a line, so that proofs add up
//! over many short sessions.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::shell::{self, Outcome};

const FILE: &str = "tests/results.tsv";

/// Proves something, and adds a line about how it ended.
pub(crate) fn recorded(proof: &str, what: &str, prove: impl FnOnce() -> Outcome) -> Outcome {
    let commit = commit()?;
    let started = Instant::now();
    let outcome = prove();
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    add(&commit, proof, what, minutes, outcome.is_ok())?;
    outcome
}

/// A seed that was hardly ever used.
pub(crate) fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |since| since.as_secs())
}

/// The commit that is proved; a `+` after it says that files were changed since.
fn commit() -> Outcome<String> {
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
fn add(commit: &str, proof: &str, what: &str, minutes: f64, good: bool) -> Outcome {
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
