//! What three brokers do when one goes, and what many partitions cost them.
//!
//! One writer per partition has one record on its way at a time, so that the times are those from a fault
//! to the next acknowledged write. Nothing of it is a test: what is too slow is seen in the table.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod departures;
mod many;
mod times;
mod writers;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use ottla_tests::process::kill_all_on_panic;
use ottla_tests::{Cluster, Settings};

/// How many brokers.
const BROKERS: usize = 3;

/// Three brokers of which one goes: until the next acknowledged write, and the same for many partitions.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Part::ALL)]
    parts: Vec<Part>,
    /// How often a broker is killed and gets its partitions back
    #[arg(long, default_value_t = 30)]
    rounds: usize,
    /// How often a broker is paused
    #[arg(long, default_value_t = 6)]
    pauses: usize,
    /// Partitions that are written to
    #[arg(long, default_value_t = 12)]
    partitions: i32,
    /// How many topics of one partition are created
    #[arg(long, default_value_t = 1_000)]
    topics: usize,
    /// How long idle brokers are watched
    #[arg(long, default_value_t = 30)]
    idle_seconds: u64,
    /// When an acknowledged record is safe: fsync or async
    #[arg(long, default_value = "fsync")]
    flush: String,
    /// Where the brokers' data goes; the system's temporary folder by default
    #[arg(long)]
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// kill -9 of leaders, and their return by election of the preferred
    Departures,
    /// SIGSTOP of leaders
    Pauses,
    /// Many topics
    Topics,
}

impl Part {
    const ALL: [Part; 3] = [Part::Departures, Part::Pauses, Part::Topics];
}

fn main() -> ExitCode {
    kill_all_on_panic();
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    println!("three brokers, ottla.flush={}", options.flush);
    for part in &options.parts {
        let mut cluster = start(options)?;
        runtime.block_on(async {
            match part {
                Part::Departures => departures::measure(&mut cluster, options).await,
                Part::Pauses => departures::measure_pauses(&mut cluster, options).await,
                Part::Topics => many::measure(&mut cluster, options).await,
            }
        })?;
    }
    Ok(())
}

/// Who leads changes only where it is asked to.
fn start(options: &Options) -> Result<Cluster, String> {
    let settings = Settings {
        inside: options.folder.clone(),
        ..Settings::default()
    };
    let settings = settings
        .with("ottla.flush", &options.flush)
        .with("auto.leader.rebalance.enable", "false");
    Cluster::start(BROKERS, settings)
}
