//! The bulk proofs: much data in, the same data out. Run by hand, not by CI.
//!
//! `bulk java` fills a topic with Kafka's producer-perf-test and has the Java consumer count it;
//! `bulk client` fills it with our client and payloads that follow from a seed, and has the Java
//! consumer compute each partition's checksum, which must be the one computed while sending.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod by_client;
mod by_java;
mod judge;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, Parser, Subcommand, ValueEnum};
use ottla_tests::process::kill_all_on_panic;
use ottla_tests::{Broker, Kind, Settings};

/// Much data in, the same data out.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    generator: Generator,
}

#[derive(Subcommand)]
enum Generator {
    /// Kafka's producer-perf-test; the Java consumer counts
    Java(Options),
    /// Our client with seeded payloads; the Java consumer checks the sums
    Client(Options),
}

/// How much of what, and where.
#[derive(Args)]
struct Options {
    /// How much to produce, in GiB
    #[arg(long, default_value_t = 10.0)]
    gib: f64,
    /// Bytes of each record's value
    #[arg(long, default_value_t = 1024)]
    record_bytes: usize,
    #[arg(long, default_value_t = 4)]
    partitions: i32,
    /// Whose broker
    #[arg(long, value_enum, default_value_t = Whose::Ottla)]
    broker: Whose,
    /// Broker settings under Kafka's names, such as ottla.flush=async
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_and_value)]
    settings: Vec<(String, String)>,
    /// Producer settings under Kafka's names, such as acks=1 or compression.type=lz4
    #[arg(long = "producer", value_name = "KEY=VALUE", value_parser = key_and_value)]
    producer: Vec<(String, String)>,
    /// Where the data goes; the system's temporary folder by default
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Of the payloads
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Whose {
    Ottla,
    Kafka,
}

const TOPIC: &str = "bulk";
const GIB: f64 = (1_u64 << 30) as f64;

fn main() -> ExitCode {
    kill_all_on_panic();
    let outcome = match CommandLine::parse().generator {
        Generator::Java(options) => by_java::prove(&options),
        Generator::Client(options) => by_client::prove(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    /// How many records make up the amount asked for.
    fn record_count(&self) -> u64 {
        let bytes_per_record = u32::try_from(self.record_bytes).map_or(f64::MAX, f64::from);
        // Rounding is harmless: the number is what the proof is then held to.
        (self.gib * GIB / bytes_per_record).ceil() as u64
    }

    fn start_broker(&self) -> Result<Broker, String> {
        let kind = match self.broker {
            Whose::Ottla => Kind::Ottla,
            Whose::Kafka => Kind::Kafka,
        };
        let settings = Settings {
            configs: self.settings.clone(),
            inside: self.folder.clone(),
            ..Settings::default()
        };
        let broker = Broker::start(kind, settings)?;
        println!("{kind:?} answered after {:?}", broker.start_took());
        Ok(broker)
    }
}

/// Runs a part of the proof and prints what it cost.
fn measured<T>(
    what: &str,
    broker: &Broker,
    gib: f64,
    part: impl FnOnce() -> T,
) -> Result<T, String> {
    let (before, begun) = (broker.usage()?, Instant::now());
    let outcome = part();
    let (after, elapsed) = (broker.usage()?, begun.elapsed());
    let cpu = after.cpu.saturating_sub(before.cpu);
    println!(
        "{what}: {:.1} s, {:.0} MiB/s, {:.2} broker CPU s/GiB, resident {} MiB of which {} MiB anonymous",
        elapsed.as_secs_f64(),
        gib * 1024.0 / elapsed.as_secs_f64(),
        cpu.as_secs_f64() / gib,
        after.resident_bytes >> 20,
        after.anonymous_bytes >> 20,
    );
    Ok(outcome)
}

/// Longer than ten GiB take on a slow machine.
const WITHIN: Duration = Duration::from_secs(3 * 3600);

fn key_and_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has the form KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
