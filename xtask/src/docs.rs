//! `cargo xtask docs`: docs/compatibility.md is made from the table of served APIs.
//!
//! The table and its renderer live in `ottla-protocol`, as the example `compatibility`, so that
//! this crate stays quick to build. `verify` fails when the page in the tree is not what the
//! renderer prints.

use std::path::PathBuf;

use clap::Args;

use crate::shell::{self, Outcome};

/// Whether to write or to compare.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Write nothing; fail when the page is out of date
    #[arg(long)]
    check: bool,
}

/// Writes the page, or compares it.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    if arguments.check {
        return check();
    }
    let page = page();
    std::fs::write(&page, rendered()?)
        .map_err(|error| format!("cannot write {}: {error}", page.display()))?;
    println!("wrote {}", page.display());
    Ok(())
}

/// Fails when the page in the tree is not what the renderer prints.
pub(crate) fn check() -> Outcome {
    let written = std::fs::read_to_string(page()).unwrap_or_default();
    if written == rendered()? {
        println!("docs/compatibility.md is up to date");
        return Ok(());
    }
    Err("docs/compatibility.md is out of date: cargo xtask docs".into())
}

fn page() -> PathBuf {
    shell::root().join("docs/compatibility.md")
}

fn rendered() -> Outcome<String> {
    shell::output_of(shell::cargo().args([
        "run",
        "--quiet",
        "--package",
        "ottla-protocol",
        "--example",
        "compatibility",
    ]))
}
