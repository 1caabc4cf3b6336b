//! Writes the data directories that later programs have to read: with the program that `OTTLA_BIN` names, fills a
//! broker, ends it in order and by force, and packs what each left as `data/<name>.tar.gz` and
//! `data/<name>-killed.tar.gz`. To be run when an on-disk format changes, with the last program before.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod contents;
#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod ledger;
#[allow(dead_code, reason = "the recipe writes, the test reads")]
mod place;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ottla_client::Client;
use ottla_tests::client::connect;
use ottla_tests::process::kill_all_on_panic;
use ottla_tests::{Broker, Kind};

/// Writes data directories for tests of upgrades.
#[derive(Parser)]
struct Options {
    /// What they are called
    name: String,
}

/// What is done in the background, such as compaction, is done by then.
const REST: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    kill_all_on_panic();
    match write(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn write(options: &Options) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    for is_killed in [false, true] {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut broker = Broker::start(Kind::Ottla, place::settings(folder.path()))?;
        runtime.block_on(async {
            let client = connect(&broker).await;
            contents::fill(&client).await;
            Client::close(&client);
            tokio::time::sleep(REST).await;
        });
        let name = match is_killed {
            true => format!("{}-killed", options.name),
            false => options.name.clone(),
        };
        match is_killed {
            true => broker.kill(),
            false => _ = broker.terminate()?,
        }
        let archive = place::data().join(format!("{name}.tar.gz"));
        place::pack(folder.path(), &archive);
        println!("{}", archive.display());
    }
    Ok(())
}
