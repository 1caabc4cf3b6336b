//! `cargo xtask fix`: repairs what rustfmt and clippy can repair by themselves.

use crate::shell::{self, Outcome};

/// Clippy first, because its repairs may need formatting.
pub(crate) fn run() -> Outcome {
    shell::run(shell::cargo().args([
        "clippy",
        "--fix",
        "--workspace",
        "--all-targets",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    shell::run(shell::cargo().args(["fmt", "--all"]))
}
