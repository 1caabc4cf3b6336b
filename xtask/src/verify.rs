//! `cargo xtask verify`: what must hold before a merge, cheapest check first.

use clap::Args;

use crate::shell::{self, Outcome};
use crate::{absence, house, sim};

/// Which of the slow steps to leave out.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Leave out `cargo test`
    #[arg(long)]
    skip_tests: bool,
    /// Leave out `cargo deny`, which has to be installed
    #[arg(long)]
    skip_deny: bool,
    /// Leave out the lints of what only the simulator builds
    #[arg(long)]
    skip_sim: bool,
}

/// Runs every step and stops at the first that fails.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    house::check()?;
    absence::check()?;
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    if !arguments.skip_deny {
        deny()?;
    }
    shell::run(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))?;
    if !arguments.skip_sim {
        sim::lint()?;
    }
    if !arguments.skip_tests {
        shell::run(shell::cargo().args(["test", "--workspace"]))?;
    }
    println!("verified");
    Ok(())
}

/// Licences, bans and sources only: advisories need a download and are not a property of a commit.
fn deny() -> Outcome {
    if shell::find_program("cargo-deny").is_none() {
        return Err(
            "cargo-deny is missing: cargo install --locked cargo-deny (or --skip-deny)".into(),
        );
    }
    shell::run(shell::cargo().args(["deny", "check", "licenses", "bans", "sources"]))
}
