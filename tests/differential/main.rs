//! The same requests to Apache Kafka and to Ottla, their answers compared field by field.
//!
//! A scenario (`scenarios/`) is a script of requests; `lab` says it to both brokers, `compare` holds the
//! answers against each other, `allowed` lists where they may differ and why. One broker of each kind
//! serves all scenarios, which run one after another in the order of the list, so that what a scenario
//! finds does not depend on chance. A run of all of them is held against docs/compatibility.md.

mod allowed;
mod batches;
mod codec;
mod compare;
mod connection;
mod findings;
mod lab;
mod report;
mod scenarios;
mod schema;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ottla_tests::compat::Toolchain;
use ottla_tests::{Broker, Kind, Settings, trial};

use findings::Findings;
use lab::Lab;
use scenarios::{ALL, Scenario};

/// Both brokers, started by the first scenario that runs.
type Pair = OnceLock<Result<(Broker, Broker), String>>;

#[derive(Default)]
struct Run {
    pair: Pair,
    findings: Mutex<(usize, Findings)>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let missing = Toolchain::find().err();
    let run = Arc::new(Run::default());
    let mut trials: Vec<Trial> = ALL
        .iter()
        .map(|scenario| {
            let run = Arc::clone(&run);
            trial::unless_missing(scenario.0, missing.clone(), move || run.play(scenario))
        })
        .collect();
    let whole = Arc::clone(&run);
    // Last in the list, and one thread runs the list in order.
    let name = "the_document_says_what_was_found";
    trials.push(trial::unless_missing(name, missing, move || whole.judge()));
    let conclusion = libtest_mimic::run(&arguments, trials);
    conclusion.exit_code()
}

impl Run {
    fn play(&self, scenario: &Scenario) -> Result<Completion, Failed> {
        let (kafka, ottla) = self.pair.get_or_init(start).as_ref()?;
        let mut lab = Lab::new(scenario.0, kafka, ottla);
        let played = catch_unwind(AssertUnwindSafe(|| (scenario.1)(&mut lab)));
        let complaint = lab.findings.complaint();
        let said = played.err().map(|panic| trial::words(&*panic).to_owned());
        let reasons: Vec<String> = said.into_iter().chain(complaint).collect();
        if reasons.is_empty() {
            let mut sum = self.findings.lock().expect("one scenario runs at a time");
            sum.0 += 1;
            sum.1.merge(lab.findings);
            return Ok(Completion::Completed);
        }
        let log = ottla.log_tail();
        Err(Failed::from(format!(
            "{}\n--- Ottla's log\n{log}",
            reasons.join("\n")
        )))
    }

    fn judge(&self) -> Result<Completion, Failed> {
        let sum = self.findings.lock().expect("one scenario runs at a time");
        if sum.0 < ALL.len() {
            let played = sum.0;
            let reason = format!(
                "{played} of {} scenarios were played to their end",
                ALL.len()
            );
            return Ok(Completion::ignored_with(reason));
        }
        let version = Toolchain::find()?.server_version().to_owned();
        report::judge(&sum.1, &version)?;
        Ok(Completion::Completed)
    }
}

fn start() -> Result<(Broker, Broker), String> {
    let settings = Settings::default()
        .with("group.initial.rebalance.delay.ms", "0")
        .with("group.min.session.timeout.ms", "100")
        .with("log.cleaner.backoff.ms", "100")
        .with("offsets.topic.num.partitions", "1")
        .with("transaction.state.log.num.partitions", "1")
        .with(
            "transaction.abort.timed.out.transaction.cleanup.interval.ms",
            "200",
        );
    let kafka = Broker::start(Kind::Kafka, settings.clone())?;
    let ottla = Broker::start(Kind::Ottla, settings)?;
    Ok((kafka, ottla))
}
