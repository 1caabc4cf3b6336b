//! `cargo xtask bench`: measurements, with an optimised build. Not part of CI.
//!
//! Only the command lines are here; the programs are those of `ottla-benches`.

use clap::{Args, Subcommand};

use crate::shell::{self, Outcome};

/// Which measurement.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Subcommand)]
enum Measurement {
    /// Three brokers of which one is killed, paused or hands over: until the next acknowledged write; and
    /// 1,000 topics with three replicas
    Cluster {
        /// Options of the program; see `-- --help`
        #[arg(last = true)]
        options: Vec<String>,
    },
    /// Instructions that the broker runs for one request of a kind, counted by callgrind
    Instructions {
        /// Options of the program; see `-- --help`
        #[arg(last = true)]
        options: Vec<String>,
    },
    /// Throughput, latency, CPU and memory beside Apache Kafka, in the same run; one broker and three
    Versus {
        /// Options of the program; see `-- --help`
        #[arg(last = true)]
        options: Vec<String>,
    },
}

/// Builds for release and measures; the program builds the broker when it has to.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let (program, options) = match &arguments.measurement {
        Measurement::Cluster { options } => ("cluster", options),
        Measurement::Instructions { options } => ("instructions", options),
        Measurement::Versus { options } => ("versus", options),
    };
    shell::run(
        shell::cargo()
            .args(["run", "--release", "--package", "ottla-benches"])
            .args(["--bin", program, "--"])
            .args(options),
    )
}
