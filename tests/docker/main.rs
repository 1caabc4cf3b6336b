//! The image of docker/ with a Docker engine: alone, and as a cluster of three by compose. Run by `cargo xtask docker`.
//!
//! Like a user it publishes the ports that the documents name, so those have to be free. What fails panics, and is
//! taken down in order on the way out: an engine that is killed leaves its containers running.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod alone;
mod clients;
mod cluster;
mod compose;
mod container;
mod engine;
mod image;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use clients::Clients;
use compose::Compose;
use engine::Engine;
use image::Image;

/// The image of Ottla with a Docker engine.
#[derive(Parser)]
struct Options {
    /// The client of Docker to use
    #[arg(long, value_name = "PROGRAM")]
    docker: PathBuf,
    /// Start an engine that keeps everything in this folder; only in namespaces made for it
    #[arg(long, value_name = "FOLDER")]
    own_engine: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Say whether all is there that a proof needs
    Probe,
    /// Make an image from this folder and prove it
    Prove { context: PathBuf },
}

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: Options) -> Result<(), String> {
    let engine = Engine::open(options.docker, options.own_engine.as_deref())?;
    let composes = Compose::find(&engine)?;
    let Command::Prove { context } = options.command else {
        return engine.check();
    };
    let clients = Clients::find(context.join("ottla"))?;
    let image = Image::build(&engine, &context);
    alone::prove(&image, &clients);
    for compose in &composes {
        cluster::prove(&image, compose, &clients);
    }
    Ok(())
}
