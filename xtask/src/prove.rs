//! `cargo xtask prove`: the long proofs, with an optimised build. Not part of CI.
//!
//! Only the command lines are here; the programs are `ottla-tests`' `crash`, `chaos`, `bulk`, `churn` and `rolls`, the
//! coordinator's random runs, and the fuzz targets. Each run, good or bad, adds a line to
//! [`results`](crate::results).

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::results::{new_seed, recorded};
use crate::shell::{self, Outcome};

const FUZZ_TARGETS: [&str; 4] = [
    "frame_and_header",
    "request_body",
    "record_batch",
    "decompression",
];

/// What goes wrong in a proof of chaos.
const NEMESES: [&str; 9] = [
    "kill",
    "pause",
    "partition",
    "slow-disk",
    "full-disk",
    "failing-disk",
    "clock",
    "rot",
    "mixed",
];

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
        /// Seed of the kill times and payloads; a new one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// kill -9 of each of three brokers in turn, then a rolling restart, under load and with a group of
    /// Java consumers: nothing acknowledged missing, none twice, no gaps, no committed offset lost
    Cluster {
        /// How often a broker goes, each way
        #[arg(long, default_value_t = 50)]
        rounds: u32,
        /// Seed of the times and payloads; a new one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Attack three brokers while clients write and read, and judge what the clients saw; some of it only
    /// root can do, and the program is built with doors for faults
    Chaos {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// What goes wrong
        #[arg(long, default_value = "mixed", value_parser = NEMESES)]
        nemesis: String,
        /// Seed of the faults; a new one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Fill a topic with Kafka's producer-perf-test and count it back with the Java consumer
    BulkJava(Bulk),
    /// Fill a topic with our client and seeded payloads; a Java consumer must read equal checksums
    BulkClient(Bulk),
    /// Let a hundred Java consumers of one group come, leave and die at random
    Churn {
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Of who goes when, and how; a new one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Let the segments of a hot partition end and be deleted under consumers and followers; nothing may leak
    Rolls {
        /// How often a segment ends
        #[arg(long, default_value_t = 500)]
        rolls: u32,
    },
    /// Take the state machine of groups through random steps, leaders lost among them; the log must
    /// fold to the state each time
    Groups {
        /// How many
        #[arg(long, default_value_t = 1_000_000)]
        steps: u64,
        /// Seed of the first run; a new one each time by default
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Run the fuzz targets one after the other (needs nightly Rust and cargo-fuzz)
    Fuzz {
        /// How long each
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// Only these
        #[arg(value_parser = FUZZ_TARGETS)]
        targets: Vec<String>,
    },
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

/// Builds what is needed for release, runs the proof and records how it ended.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    match &arguments.proof {
        Proof::Crash { rounds, seed } => crash(
            "crash",
            "kill_nine_loses",
            *rounds,
            seed.unwrap_or_else(new_seed),
        ),
        Proof::Cluster { rounds, seed } => crash(
            "cluster",
            "three_brokers",
            *rounds,
            seed.unwrap_or_else(new_seed),
        ),
        Proof::Chaos {
            minutes,
            nemesis,
            seed,
        } => chaos(*minutes, nemesis, seed.unwrap_or_else(new_seed)),
        Proof::BulkJava(bulk) => run_bulk("java", bulk),
        Proof::BulkClient(bulk) => run_bulk("client", bulk),
        Proof::Churn { minutes, seed } => churn(*minutes, seed.unwrap_or_else(new_seed)),
        Proof::Rolls { rolls } => run_rolls(*rolls),
        Proof::Groups { steps, seed } => groups(*steps, seed.unwrap_or_else(new_seed)),
        Proof::Fuzz { minutes, targets } => {
            let chosen = FUZZ_TARGETS
                .iter()
                .filter(|target| targets.is_empty() || targets.iter().any(|t| t == *target));
            chosen
                .into_iter()
                .try_for_each(|target| fuzz(target, *minutes))
        }
    }
}

fn crash(proof: &str, tests: &str, rounds: u32, seed: u64) -> Outcome {
    build_for_release()?;
    let mut command = shell::cargo();
    command
        .args(["test", "--release", "--package", "ottla-tests"])
        .args(["--test", "crash", tests, "--", "--nocapture"])
        .arg("--test-threads=1")
        .env("OTTLA_CRASH_ROUNDS", rounds.to_string())
        .env("OTTLA_CRASH_JAVA", "1")
        .env("OTTLA_CRASH_SEED", seed.to_string());
    recorded(proof, &format!("rounds={rounds} seed={seed}"), || {
        shell::run(&mut command)
    })
}

fn chaos(minutes: u64, nemesis: &str, seed: u64) -> Outcome {
    let program = build_with_doors()?;
    let tests = ["--release", "--package", "ottla-tests", "--test", "chaos"];
    shell::run(shell::cargo().args(["test", "--no-run"]).args(tests))?;
    let mut command = shell::cargo();
    command
        .arg("test")
        .args(tests)
        .args(["--", "--nocapture"])
        .env("OTTLA_BIN", program)
        .env("OTTLA_CHAOS_SECONDS", (minutes * 60).to_string())
        .env("OTTLA_CHAOS_NEMESIS", nemesis)
        .env("OTTLA_CHAOS_SEED", seed.to_string());
    let what = format!("nemesis={nemesis} minutes={minutes} seed={seed}");
    recorded("chaos", &what, || shell::run(&mut command))
}

/// The program with doors for faults, in a folder of its own: nobody shall find it where the usual one is.
fn build_with_doors() -> Outcome<PathBuf> {
    let folder = shell::build_folder().join("faults");
    let mut build = shell::cargo();
    build
        .args(["build", "--release", "--package", "ottla-cli"])
        .args(["--features", "faults", "--target-dir"])
        .arg(&folder);
    shell::run(&mut build)?;
    Ok(folder.join("release").join("ottla"))
}

fn run_bulk(generator: &str, bulk: &Bulk) -> Outcome {
    build_for_release()?;
    let mut command = shell::cargo();
    command
        .args(["run", "--release", "--package", "ottla-tests"])
        .args(["--bin", "bulk", "--", generator])
        .arg(format!("--gib={}", bulk.gib))
        .args(&bulk.more);
    let what = format!("gib={} {}", bulk.gib, bulk.more.join(" "));
    recorded(&format!("bulk-{generator}"), what.trim(), || {
        shell::run(&mut command)
    })
}

fn churn(minutes: u64, seed: u64) -> Outcome {
    build_for_release()?;
    let mut command = shell::cargo();
    command
        .args(["run", "--release", "--package", "ottla-tests"])
        .args(["--bin", "churn", "--"])
        .arg(format!("--minutes={minutes}"))
        .arg(format!("--seed={seed}"));
    recorded("churn", &format!("minutes={minutes} seed={seed}"), || {
        shell::run(&mut command)
    })
}

fn run_rolls(rolls: u32) -> Outcome {
    build_for_release()?;
    let mut command = shell::cargo();
    command
        .args(["run", "--release", "--package", "ottla-tests"])
        .args(["--bin", "rolls", "--"])
        .arg(format!("--rolls={rolls}"));
    recorded("rolls", &format!("rolls={rolls}"), || {
        shell::run(&mut command)
    })
}

fn groups(steps: u64, seed: u64) -> Outcome {
    let mut command = shell::cargo();
    command
        .args(["test", "--release", "--package", "ottla-coordinator"])
        .args(["--test", "random_runs", "--", "--nocapture"])
        .arg("promises_hold_in_runs_of_consecutive_seeds")
        .env("OTTLA_GROUPS_STEPS", steps.to_string())
        .env("OTTLA_GROUPS_SEED", seed.to_string());
    recorded("groups", &format!("steps={steps} seed={seed}"), || {
        shell::run(&mut command)
    })
}

fn fuzz(target: &str, minutes: u64) -> Outcome {
    let mut seeds = shell::cargo();
    seeds.current_dir(shell::root().join("fuzz")).args([
        "run",
        "--quiet",
        "--example",
        "seeds",
        "--",
        target,
    ]);
    shell::run(&mut seeds)?;
    let mut command = shell::command("cargo");
    command
        .current_dir(shell::root().join("fuzz"))
        .args(["+nightly", "fuzz", "run", target, "--"])
        .arg(format!("-max_total_time={}", minutes * 60))
        .args([
            "-max_len=65536",
            "-rss_limit_mb=1024",
            "-malloc_limit_mb=256",
        ])
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO");
    let what = format!("target={target} minutes={minutes}");
    recorded("fuzz", &what, || shell::run(&mut command))
}

/// So that the minutes of a proof are its own.
fn build_for_release() -> Outcome {
    shell::run(shell::cargo().args(["build", "--release", "--package", "ottla-cli"]))?;
    shell::run(shell::cargo().args([
        "build",
        "--release",
        "--package",
        "ottla-tests",
        "--all-targets",
    ]))
}
