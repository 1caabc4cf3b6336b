//! Ottla beside Apache Kafka: the same load, on the same machine, in the same run.
//!
//! Contenders take turns, round by round, so that a machine that gets slower or busier is so for
//! all; the table shows medians over the rounds. A broker's CPU time and memory are read from
//! /proc, so what the load generator uses does not count, though it competes for the same cores.
//! With several brokers, each of them has a replica of everything, only the load is measured, and
//! what they use is that of all together.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod brokers;
mod contender;
mod figures;
mod load;
mod machine;
mod measure;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use contender::Contender;
use figures::Results;
use ottla_tests::process::kill_all_on_panic;

/// Ottla beside Apache Kafka: start-up, memory, CPU per GiB, 1,000 topics; or CPU per GiB replicated.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// Who takes part
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Contender::ALL)]
    contenders: Vec<Contender>,
    /// How many brokers each has; several have a replica each of everything, and only the load is measured
    #[arg(long, default_value_t = 1)]
    brokers: usize,
    /// How often each takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How much is produced and consumed in each turn, in GiB
    #[arg(long, default_value_t = 2.0)]
    gib: f64,
    /// How much of the same before anything is measured, in GiB: a JVM compiles its code meanwhile
    #[arg(long, default_value_t = 1.0)]
    warmup_gib: f64,
    /// Bytes of each record's value
    #[arg(long, default_value_t = 1024)]
    record_bytes: usize,
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// The producer's batch.size; by default 16384, or 65536 with several brokers
    #[arg(long)]
    batch_bytes: Option<usize>,
    /// The producer's linger.ms
    #[arg(long, default_value_t = 5)]
    linger_ms: u64,
    /// How many topics of one partition are created
    #[arg(long, default_value_t = 1_000)]
    topics: usize,
    /// How long an idle broker is watched
    #[arg(long, default_value_t = 10)]
    idle_seconds: u64,
    /// Where the brokers' data goes; the system's temporary folder by default
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write all figures as JSON to this file
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Options {
    fn are_replicated(&self) -> bool {
        self.brokers > 1
    }

    fn batch_bytes(&self) -> usize {
        let usual = if self.are_replicated() {
            65_536
        } else {
            16_384
        };
        self.batch_bytes.unwrap_or(usual)
    }
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
    let mut results = Results::default();
    for round in 1..=options.rounds {
        for &contender in &options.contenders {
            println!("round {round} of {}: {contender}", options.rounds);
            results.add(contender, measure::one_turn(contender, options)?);
        }
    }
    println!("\n{}", machine::description(options));
    println!("{}", report::table(&results, &options.contenders));
    if let Some(path) = &options.json {
        let text = report::json(&results, options);
        std::fs::write(path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("all figures: {}", path.display());
    }
    Ok(())
}
