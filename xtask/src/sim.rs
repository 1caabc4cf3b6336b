//! `cargo xtask sim`: simulated clusters, each from its seed.
//!
//! The simulator is `ottla-sim`, built with other doors to the system (`--cfg ottla_sim`) in a folder
//! of its own, so that neither build undoes the other. A process runs one seed: what it does depends
//! on nothing else.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Args;
use serde_json::Value;

use crate::results::{new_seed, recorded};
use crate::shell::{self, Outcome};

/// The simulator's doors, and the seed of tokio's own choices.
const FLAGS: &str = "--cfg ottla_sim --cfg tokio_unstable";
/// Processes at a time.
const PROCESSES: usize = 2;

/// Which runs.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run this one alone, with what it logs
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    seed: Option<u64>,
    /// What of it is shown
    #[arg(long, default_value = "info", requires = "seed", value_parser = ["error", "warn", "info", "debug", "trace"])]
    show: String,
    /// How many, of consecutive seeds
    #[arg(long, default_value_t = 10)]
    seeds: u64,
    /// The first seed; a new one each time by default
    #[arg(long)]
    first: Option<u64>,
    /// Add no line to tests/results.tsv
    #[arg(long)]
    unrecorded: bool,
}

/// Builds the simulator and runs it.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let program = build()?;
    if let Some(seed) = arguments.seed {
        return shell::run(shell::command(program).args([&seed.to_string(), &arguments.show]));
    }
    let first = arguments.first.unwrap_or_else(new_seed);
    let runs = || run_all(&program, first, arguments.seeds);
    match arguments.unrecorded {
        true => runs(),
        false => recorded(
            "sim",
            &format!("seeds={} first={first}", arguments.seeds),
            runs,
        ),
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

fn run_all(program: &PathBuf, first: u64, seeds: u64) -> Outcome {
    let next = AtomicU64::new(0);
    let bad = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds {
                        return;
                    }
                    let seed = first.saturating_add(number);
                    let outcome = match number {
                        0 => run_twice(program, seed),
                        _ => run_one(program, &[&seed.to_string()]),
                    };
                    match outcome {
                        Ok(told) => print!("{told}"),
                        Err(told) => {
                            print!("{told}");
                            println!("  again: cargo xtask sim --seed {seed}");
                            bad.lock().expect("nobody panics with it").push(seed);
                        }
                    }
                }
            });
        }
    });
    let bad = bad.into_inner().expect("nobody panics with it");
    match bad.is_empty() {
        true => Ok(()),
        false => Err(format!("{} of {seeds} seeds are bad: {bad:?}", bad.len())),
    }
}

/// What the run says of itself; in either case.
fn run_one(program: &PathBuf, arguments: &[&str]) -> Result<String, String> {
    let output = shell::command(program).args(arguments).output();
    let output = output.map_err(|error| format!("the simulator: {error}\n"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{told}{complaints}  ended with {}\n",
        output.status
    ))
}

/// The same seed must give the same run, down to every byte that is sent.
fn run_twice(program: &PathBuf, seed: u64) -> Result<String, String> {
    let arguments = [&*seed.to_string(), "--bytes"];
    let (once, again) = (run_one(program, &arguments)?, run_one(program, &arguments)?);
    match once == again {
        true => Ok(once),
        false => Err(format!("seed {seed} does not repeat itself\n{once}{again}")),
    }
}
