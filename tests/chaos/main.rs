//! Chaos: three brokers as processes that are killed, paused, cut off from each other, robbed of disk and
//! time, while clients write and read; then what the clients saw is judged (`judge`), as Jepsen does it.
//!
//! Without more being said a run is short and has only what can be done anywhere: kill and pause.
//! `cargo xtask prove chaos` has the long ones. It sets `OTTLA_CHAOS_NEMESIS` (`fault`),
//! `OTTLA_CHAOS_SECONDS` and `OTTLA_CHAOS_SEED`, and `OTTLA_BIN` where the program needs doors for
//! faults. The seed decides the faults and what clients do; what cannot repeat is the machine's own
//! timing.
#![allow(clippy::print_stdout, reason = "a proof reports how it went")]

mod disks;
mod doors;
#[allow(dead_code, unused_imports, reason = "chaos_judged has the tests")]
mod fault;
#[allow(dead_code, unused_imports, reason = "chaos_judged has the tests")]
mod history;
#[allow(dead_code, unused_imports, reason = "chaos_judged has the tests")]
mod judge;
mod namespaces;
mod network;
mod plan;
mod probers;
mod producers;
mod readers;
mod record;
mod recovery;
mod rot;
mod run;
mod summary;
mod topics;
mod transfers;
#[allow(dead_code, unused_imports, reason = "chaos_judged has the tests")]
mod value;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use ottla_tests::trial;

use fault::Nemesis;
use plan::Plan;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = match plan::asked_for() {
        Some(nemesis) => vec![asked_for(nemesis)],
        None => {
            let named = Nemesis::NAMED.into_iter().map(not_asked_for);
            named.chain([runnable(Nemesis::Anywhere)]).collect()
        }
    };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Where it cannot run it fails: somebody wants to know.
fn asked_for(nemesis: Nemesis) -> Trial {
    let ready = match namespaces::missing(nemesis) {
        Some(reason) => Err(reason),
        None => namespaces::enter(nemesis),
    };
    match ready {
        Ok(()) => runnable(nemesis),
        Err(reason) => Trial::test(sentence(nemesis), move || Err(Failed::from(reason))),
    }
}

fn not_asked_for(nemesis: Nemesis) -> Trial {
    let reason = match namespaces::missing(nemesis) {
        Some(reason) => reason,
        None => format!(
            "a proof of its own: cargo xtask prove chaos --nemesis {}",
            nemesis.name()
        ),
    };
    Trial::ignorable_test(sentence(nemesis), move || {
        Ok(Completion::ignored_with(reason))
    })
}

fn runnable(nemesis: Nemesis) -> Trial {
    Trial::test(sentence(nemesis), move || {
        let plan = Plan::new(nemesis);
        let outcome = catch_unwind(AssertUnwindSafe(|| run::run(&plan)));
        let outcome = outcome.unwrap_or_else(|panic| Err(trial::words(&*panic).to_owned()));
        outcome.map_err(Failed::from)
    })
}

fn sentence(nemesis: Nemesis) -> &'static str {
    match nemesis {
        Nemesis::Kill => "brokers_that_are_killed_lose_nothing",
        Nemesis::Pause => "brokers_that_are_paused_lose_nothing",
        Nemesis::Partition => "a_divided_network_loses_nothing",
        Nemesis::SlowDisk => "slow_disks_lose_nothing",
        Nemesis::FullDisk => "full_disks_lose_nothing",
        Nemesis::FailingDisk => "a_failing_disk_loses_nothing",
        Nemesis::Clock => "clocks_that_jump_lose_nothing",
        Nemesis::Rot => "what_one_disk_forgets_comes_back_from_the_others",
        Nemesis::Mixed => "all_faults_together_lose_nothing",
        Nemesis::Anywhere => "faults_that_can_be_had_anywhere_lose_nothing",
    }
}
