//! Kafka's own command line tools, each with the same arguments against Apache Kafka and against Ottla: exit codes
//! and output compared.
//!
//! `runs` is the table, `side` what both brokers are filled with, `normal` what is left out of what a tool says,
//! `allowed` where they may differ and why. What Ottla does not serve yet is only run against Ottla, where the tool
//! has to end soon and say why. One broker of each kind serves all runs, one after the other in the order of the
//! table. A whole run is held against docs/tools.md.
//!
//! What a tool is expected to say is in the suite `kafka_tools`; here it is whatever it says of Kafka.

mod allowed;
mod compare;
mod normal;
mod report;
mod runs;
mod side;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ottla_tests::compat::Toolchain;
use ottla_tests::{Kind, trial};

use report::Outcome;
use runs::{ALL, Run};
use side::Side;

/// Both brokers, started by the first run, and what was found.
#[derive(Default)]
struct Lab {
    sides: OnceLock<Result<(Side, Side), String>>,
    outcomes: Mutex<Vec<(&'static Run, Outcome)>>,
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let missing = Toolchain::find().err();
    let lab = Arc::new(Lab::default());
    let mut trials: Vec<Trial> = ALL
        .iter()
        .map(|run| {
            let lab = Arc::clone(&lab);
            trial::unless_missing(run.name, missing.clone(), move || lab.play(run))
        })
        .collect();
    let whole = Arc::clone(&lab);
    // Last in the list, and one thread runs the list in order.
    let name = "the_document_says_what_was_found";
    trials.push(trial::unless_missing(name, missing, move || whole.judge()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

impl Lab {
    fn play(&self, run: &'static Run) -> Result<Completion, Failed> {
        let (kafka, ottla) = self.sides.get_or_init(start).as_ref()?;
        let both_answer = || kafka.answers().and_then(|()| ottla.answers());
        both_answer()?; // else all that is left would wait in vain, run by run
        let compared = catch_unwind(AssertUnwindSafe(|| {
            let outcome = match run.lacks {
                [] => compare::on_both(run, kafka, ottla),
                _ => compare::refused(run, ottla),
            };
            both_answer().and(outcome)
        }));
        match compared.unwrap_or_else(|panic| Err(trial::words(&*panic).to_owned())) {
            Ok(outcome) => {
                let mut outcomes = self.outcomes.lock().expect("one run at a time");
                outcomes.push((run, outcome));
                Ok(Completion::Completed)
            }
            Err(complaint) => {
                let log = ottla.broker.log_tail();
                Err(format!("{complaint}\n--- Ottla's log\n{log}").into())
            }
        }
    }

    fn judge(&self) -> Result<Completion, Failed> {
        let outcomes = self.outcomes.lock().expect("one run at a time");
        if outcomes.len() < ALL.len() {
            let reason = format!("{} of {} runs are well", outcomes.len(), ALL.len());
            return Ok(Completion::ignored_with(reason));
        }
        report::judge(&outcomes, Toolchain::find()?.server_version())?;
        Ok(Completion::Completed)
    }
}

fn start() -> Result<(Side, Side), String> {
    thread::scope(|scope| {
        let kafka = scope.spawn(|| Side::start(Kind::Kafka));
        let ottla = Side::start(Kind::Ottla)?;
        let kafka = kafka
            .join()
            .map_err(|_| "Kafka's side cannot be filled")??;
        Ok((kafka, ottla))
    })
}
