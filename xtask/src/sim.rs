//! `cargo xtask sim`: simulated clusters, each from its seed.
//!
//! The simulator is `ottla-sim`, built with other doors to the system (`--cfg ottla_sim`) in a folder
//! of its own, so that neither build undoes the other. A process runs one seed: what it does depends
//! on nothing else.

mod planted;
mod seeds;

use std::path::PathBuf;
use std::process::Command;

use clap::Args;
use serde_json::Value;

use crate::results::{new_seed, recorded};
use crate::shell::{self, Outcome};

/// The simulator's doors, and the seed of tokio's own choices.
const FLAGS: &str = "--cfg ottla_sim --cfg tokio_unstable";

/// Which runs.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run this one alone, with what it logs
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// What of it is shown
    #[arg(long, default_value = "info", requires = "seed", value_parser = ["error", "warn", "info", "debug", "trace"])]
    show: String,
    /// How many, of consecutive seeds; of each planted fault, how many at most
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first seed; a new one each time by default
    #[arg(long)]
    first: Option<u64>,
    /// Have all runs be about transactions
    #[arg(long)]
    bank: bool,
    /// Plant a fault in the broker, or `all` one after the other, and see that it is found
    #[arg(long, conflicts_with = "bank")]
    planted: Option<String>,
    /// Add no line to tests/results.tsv
    #[arg(long)]
    unrecorded: bool,
}

/// Builds the simulator and runs it.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let program = build()?;
    if let Some(seed) = arguments.seed {
        let mut command = shell::command(program);
        command.arg(seed.to_string()).args(&arguments.planted);
        command.args(about(arguments));
        return shell::run(command.arg(&arguments.show));
    }
    let first = arguments.first.unwrap_or_else(new_seed);
    let seeds = arguments.seeds;
    let runs = || match &arguments.planted {
        Some(planted) => planted::find(&program, planted, first, seeds),
        None => seeds::run_all(&program, about(arguments), first, seeds),
    };
    let what = match &arguments.planted {
        Some(planted) => format!("planted={planted} seeds={seeds} first={first}"),
        None if arguments.bank => format!("bank seeds={seeds} first={first}"),
        None => format!("seeds={seeds} first={first}"),
    };
    match arguments.unrecorded {
        true => runs(),
        false => recorded("sim", &what, runs),
    }
}

/// What the simulator is told of it.
fn about(arguments: &Arguments) -> &'static [&'static str] {
    match arguments.bank {
        true => &["--bank"],
        false => &[],
    }
}

/// Lints what only the simulator builds.
pub(crate) fn lint() -> Outcome {
    shell::run(cargo("clippy")?.args(["--all-targets", "--", "-D", "warnings"]))
}

fn build() -> Outcome<PathBuf> {
    shell::run(cargo("build")?.args(["--profile", "sim"]))?;
    Ok(folder()?.join("sim").join("ottla-sim"))
}

fn cargo(command: &str) -> Outcome<Command> {
    let mut cargo = shell::cargo();
    let more = std::env::var("RUSTFLAGS").unwrap_or_default();
    cargo
        .args([command, "--package", "ottla-sim", "--target-dir"])
        .arg(folder()?)
        .env("RUSTFLAGS", format!("{more} {FLAGS}").trim_start());
    Ok(cargo)
}

/// Where the simulator is built.
fn folder() -> Outcome<PathBuf> {
    let mut metadata = shell::cargo();
    metadata.args(["metadata", "--no-deps", "--offline", "--format-version=1"]);
    let metadata: Value = serde_json::from_str(&shell::output_of(&mut metadata)?)
        .map_err(|error| format!("cargo metadata: {error}"))?;
    let target = metadata["target_directory"].as_str();
    let target = target.ok_or("cargo metadata tells no target folder")?;
    Ok(PathBuf::from(target).join("sim"))
}
