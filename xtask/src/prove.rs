//! `cargo xtask prove`: the long proofs, with an optimised build. Not part of CI.
//!
//! Only the command lines are here; the programs are `ottla-tests`' suites `crash` and `bulk`.

use clap::{Args, Subcommand};

use crate::shell::{self, Outcome};

/// Which proof, and how much of it.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    proof: Proof,
}

#[derive(Subcommand)]
enum Proof {
    /// kill -9 at random points during produce; no acknowledged record missing, none twice, no gaps
    Crash {
        /// How often the broker is killed
        #[arg(long, default_value_t = 50)]
        rounds: u32,
        /// Seed of the kill times and payloads; printed by each run
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Fill a topic with Kafka's producer-perf-test and count it back with the Java consumer
    BulkJava(Bulk),
    /// Fill a topic with our client and seeded payloads; a Java consumer must read equal checksums
    BulkClient(Bulk),
}

#[derive(Args)]
struct Bulk {
    /// How much to produce, in GiB
    #[arg(long, default_value_t = 10.0)]
    gib: f64,
    /// More options of the program; see `-- --help`
    #[arg(last = true)]
    more: Vec<String>,
}

/// Builds the broker for release and runs the proof.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.proof {
        Proof::Crash { rounds, seed } => crash(*rounds, *seed),
        Proof::BulkJava(bulk) => run_bulk("java", bulk),
        Proof::BulkClient(bulk) => run_bulk("client", bulk),
    }
}

fn crash(rounds: u32, seed: Option<u64>) -> Outcome {
    let mut command = shell::cargo();
    command
        .args(["test", "--release", "--package", "ottla-tests"])
        .args(["--test", "crash", "--", "--nocapture"])
        .env("OTTLA_CRASH_ROUNDS", rounds.to_string())
        .env("OTTLA_CRASH_JAVA", "1");
    if let Some(seed) = seed {
        command.env("OTTLA_CRASH_SEED", seed.to_string());
    }
    shell::run(&mut command)
}

fn run_bulk(generator: &str, bulk: &Bulk) -> Outcome {
    shell::run(
        shell::cargo()
            .args(["run", "--release", "--package", "ottla-tests"])
            .args(["--bin", "bulk", "--", generator])
            .arg(format!("--gib={}", bulk.gib))
            .args(&bulk.more),
    )
}
