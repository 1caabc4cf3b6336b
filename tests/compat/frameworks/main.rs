//! Frameworks that promise exactly once, on three brokers that are killed meanwhile: Kafka Streams with
//! exactly_once_v2, and Kafka Connect with exactly-once sources. All of it is theirs and unmodified.
//!
//! What goes in is known, so that it is known to the record what has to come out.

mod connect;
mod deaths;
mod read;
mod streams;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ottla_tests::suite::kinds;
use ottla_tests::{Kind, Need, trial};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let missing = Need::JavaSuites.missing();
    let trial = |kind, name, body| trial_of(kind, name, missing.clone(), body);
    let of_kind = |kind| {
        [
            trial(
                kind,
                "streams_counts_and_joins_each_record_once",
                streams::run,
            ),
            trial(kind, "connect_copies_each_line_once", connect::run),
        ]
    };
    let trials = kinds().into_iter().flat_map(of_kind).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial_of(kind: Kind, name: &str, missing: Option<String>, body: fn(Kind)) -> Trial {
    let name = match kind {
        Kind::Ottla => name.to_owned(),
        Kind::Kafka => format!("apache_kafka::{name}"),
    };
    trial::unless_missing(&name, missing, move || {
        let ended = catch_unwind(AssertUnwindSafe(|| body(kind)));
        let words = |panic: Box<dyn std::any::Any + Send>| trial::words(&*panic).to_owned();
        ended.map_err(|panic| Failed::from(words(panic)))?;
        Ok(Completion::Completed)
    })
}
