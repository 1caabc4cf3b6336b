//! `cargo xtask`: every habit of the house is a command here, so that a person and CI do the same thing.
//!
//! This file is the list of commands and nothing else; each command is a module. None of them is
//! needed to build or run Ottla, and only `compat-setup` downloads anything besides crates.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod absence;
mod bench;
mod compat;
mod docker;
mod docs;
mod fix;
mod house;
mod prove;
mod results;
mod shell;
mod sim;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Ottla's house commands.
///
/// Day to day: `fix` before a commit, `verify` before a merge. `compat-setup` once per machine
/// makes the suites of tests/ that use other people's clients and tools run instead of listing
/// themselves as ignored. `sim` runs whole clusters in simulated time. `prove` and `bench` are long and
/// are not part of CI.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Format, lint, test, licences, absences: what must hold before a merge
    Verify(verify::Arguments),
    /// Let rustfmt and clippy repair what they can
    Fix,
    /// Download and compile what the compatibility suites need (Kafka's jars, Java, Python, Go, kcat)
    CompatSetup(compat::Arguments),
    /// Regenerate docs/compatibility.md and its summary in README.md from the table of served APIs
    Docs(docs::Arguments),
    /// Make the image of docker/ and prove it with a Docker engine: alone, and a cluster by compose
    Docker(docker::Arguments),
    /// Run one of the long proofs: crash, chaos, bulk-java, bulk-client, churn, fuzz
    Prove(prove::Arguments),
    /// Run simulated clusters, each from its seed, and judge them
    Sim(sim::Arguments),
    /// Measure side by side with Apache Kafka on this machine
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Fix => fix::run(),
        Command::CompatSetup(arguments) => compat::run(&arguments),
        Command::Docs(arguments) => docs::run(&arguments),
        Command::Docker(arguments) => docker::run(&arguments),
        Command::Prove(arguments) => prove::run(&arguments),
        Command::Sim(arguments) => sim::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
