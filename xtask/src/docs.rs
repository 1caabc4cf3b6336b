//! `cargo xtask docs`: docs/compatibility.md is made from the table of served APIs.
//!
//! The table and its renderer live in `ottla-protocol`; they are run as a program of their own, so
//! that this crate stays quick to build and works when others do not compile. A test of that crate
//! fails when the page in the tree is not what the renderer prints.

use crate::shell::{self, Outcome};

const PAGE: &str = "docs/compatibility.md";

/// Writes the page.
pub(crate) fn run() -> Outcome {
    let text = shell::output_of(shell::cargo().args([
        "run",
        "--quiet",
        "--package",
        "ottla-protocol",
        "--example",
        "compatibility",
    ]))?;
    std::fs::write(shell::root().join(PAGE), text)
        .map_err(|error| format!("cannot write {PAGE}: {error}"))?;
    println!("wrote {PAGE}");
    Ok(())
}
