//! How many instructions the broker runs for one request of a kind: a figure that a busy machine does not move.
//!
//! The broker runs under callgrind, once for so many requests and once for twice as many; what the second run has
//! more is theirs. One request is under way at a time, so that none rides along with another.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod requests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum as _};
use ottla_tests::broker::Place;
use ottla_tests::process::kill_all_on_panic;
use ottla_tests::{Broker, Kind, Settings};

use requests::Request;

/// How many instructions the broker runs for one request of a kind, counted by callgrind (of valgrind)
#[derive(Debug, Parser)]
struct Options {
    /// Which kinds; all by default
    #[arg(value_enum)]
    requests: Vec<Request>,
    /// How many in the shorter run
    #[arg(long, default_value_t = 1_000)]
    count: u32,
    /// When an acknowledged record is safe: fsync or async
    #[arg(long, default_value = "fsync")]
    flush: String,
    /// Keep the profile of each kind's longer run in this folder, for callgrind_annotate
    #[arg(long)]
    keep: Option<PathBuf>,
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
    let all = match options.requests.as_slice() {
        [] => Request::value_variants(),
        some => some,
    };
    println!("instructions a request, ottla.flush={}", options.flush);
    for request in all {
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?;
        let few = instructions(*request, options.count, &folder.path().join("few"), options)?;
        let kept = options.keep.as_deref().unwrap_or(folder.path());
        let long = kept.join(request.name());
        let many = instructions(*request, 2 * options.count, &long, options)?;
        let each = many.saturating_sub(few) / u64::from(options.count);
        println!("{each:>10}  {}", request.title());
    }
    Ok(())
}

/// Of a broker's whole life in which so many requests come.
fn instructions(
    request: Request,
    count: u32,
    profile: &Path,
    options: &Options,
) -> Result<u64, String> {
    let settings = Settings {
        place: Place {
            through: vec![
                "valgrind".to_owned(),
                "--tool=callgrind".to_owned(),
                format!("--callgrind-out-file={}", profile.display()),
            ],
            ..Place::default()
        },
        ..Settings::default()
    };
    let settings = settings.with("ottla.flush", &options.flush);
    let mut broker = Broker::start(Kind::Ottla, settings)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(request.send(&broker, count));
    let ended = broker.terminate()?;
    if !ended.success() {
        return Err(format!(
            "the broker ended with {ended}:\n{}",
            broker.log_tail()
        ));
    }
    total(profile)
}

/// The sum that a profile ends with.
fn total(profile: &Path) -> Result<u64, String> {
    let text = std::fs::read_to_string(profile)
        .map_err(|error| format!("cannot read {}: {error}", profile.display()))?;
    let sum = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let sum = sum.ok_or_else(|| format!("{} has no sum", profile.display()))?;
    sum.trim()
        .parse()
        .map_err(|error| format!("the sum {sum} is no number: {error}"))
}
