//! A group whose consumers come, leave and die at random. Run by hand, not by CI.
//!
//! The consumers are Kafka's own, many in one JVM (`compat/java/Churn.java`), which also judges: no
//! partition twice in a generation, none without an owner for longer than the timeouts explain.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ottla_tests::client::{connect, create_topic};
use ottla_tests::process::kill_all_on_panic;
use ottla_tests::{Broker, Kind, Settings, Tool};

/// A group whose consumers come, leave and die at random.
#[derive(Parser)]
struct Options {
    /// For how long
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// How many consumers at once
    #[arg(long, default_value_t = 100)]
    consumers: u32,
    #[arg(long, default_value_t = 120)]
    partitions: i32,
    /// Of who goes when, and how
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Hold Apache Kafka to the same
    #[arg(long)]
    kafka: bool,
}

const TOPIC: &str = "churn";

fn main() -> ExitCode {
    kill_all_on_panic();
    match prove(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn prove(options: &Options) -> Result<(), String> {
    let kind = if options.kafka {
        Kind::Kafka
    } else {
        Kind::Ottla
    };
    let broker = Broker::start(kind, Settings::default())?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(async {
        let client = connect(&broker).await;
        create_topic(&client, TOPIC, options.partitions, &[]).await;
    });
    let seconds = options.minutes * 60;
    let judged = Tool::java("Churn")
        .args([&broker.bootstrap(), TOPIC])
        .args([
            options.partitions.to_string(),
            options.consumers.to_string(),
        ])
        .args([seconds.to_string(), options.seed.to_string()])
        .within(Duration::from_secs(seconds + 600))
        .run();
    print!("{}", judged.stdout);
    let usage = broker.usage()?;
    println!(
        "the broker used {:.1} s of CPU and {} MiB of memory of its own",
        usage.cpu.as_secs_f64(),
        usage.anonymous_bytes >> 20
    );
    if judged.code == Some(0) {
        return Ok(());
    }
    Err(judged.to_string())
}
