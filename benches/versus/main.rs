//! Ottla beside Apache Kafka: the same load, on the same machine, in the same run.
//!
//! Each scenario is measured with fresh brokers of each contender in turn, round by round, so that a machine that
//! gets slower or busier is so for all; the table shows medians over the rounds. A broker's CPU time and memory
//! are read from /proc, so what the load generator uses does not count, though it competes for the same cores.
//! With several brokers each has a replica of everything, and what they use is that of all together.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod brokers;
mod contender;
mod figures;
mod latencies;
mod load;
mod machine;
mod report;
mod scenario;
mod scenarios;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, ValueEnum as _};
use ottla_tests::process::kill_all_on_panic;

use brokers::Brokers;
use contender::Contender;
use figures::{Results, Turn};
use scenario::Scenario;

/// Ottla beside Apache Kafka, in the same run: throughput, latency, CPU and memory of the brokers.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// What is measured; everything by default
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// Who takes part
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = Contender::USUAL)]
    contenders: Vec<Contender>,
    /// How often each takes its turn
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Where the brokers' data goes; the system's temporary folder by default
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Also write all figures as JSON to this file
    #[arg(long)]
    json: Option<PathBuf>,
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
    let scenarios = match options.scenarios.as_slice() {
        [] => Scenario::value_variants(),
        some => some,
    };
    let mut results = Results::default();
    for round in 1..=options.rounds {
        for &scenario in scenarios {
            for &contender in &options.contenders {
                let begun = Instant::now();
                let turn = one_turn(scenario, contender, options)?;
                let took = begun.elapsed().as_secs();
                println!("round {round}: {contender}, {took} s, {}", scenario.title());
                results.add(scenario, contender, turn);
            }
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

fn one_turn(scenario: Scenario, contender: Contender, options: &Options) -> Result<Turn, String> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    let folder = options.folder.as_deref();
    let mut brokers = Brokers::start(contender, scenario, folder)?;
    runtime
        .block_on(scenario.measure(&mut brokers))
        .map_err(|error| format!("{contender}, {}: {error}", scenario.title()))
}
