//! kill -9 at random points while records are produced: what was acknowledged must still be there,
//! once, in order, without gaps.
//!
//! `OTTLA_CRASH_ROUNDS` (default 3) says how often the broker is killed, `OTTLA_CRASH_SEED` repeats
//! the kill times and payloads of an earlier run, `OTTLA_CRASH_RATE` limits the records a second that
//! a producer sends to a partition (a long run fills a disk otherwise), `OTTLA_CRASH_JAVA=1` has Java
//! consumers read as well: the result of one broker, and beside the load of three. What cannot repeat is
//! the machine's own timing.
#![allow(clippy::print_stdout, reason = "a proof reports its rounds")]

mod check;
mod cluster;
mod growth;
mod load;
mod readers;
mod run;
mod value;

use std::str::FromStr;

use ottla_platform::seed::Random;
use ottla_tests::Settings;
use ottla_tests::suite::kinds;

use cluster::Departure;
use run::Plan;

/// The default: an acknowledged record is on disk.
#[test]
fn kill_nine_loses_nothing_acknowledged() {
    for kind in kinds() {
        run::run(kind, &plan(Settings::default()));
    }
}

/// The operating system outlives the process, so its page cache does.
#[test]
fn kill_nine_loses_nothing_acknowledged_with_asynchronous_flush() {
    for kind in kinds() {
        run::run(
            kind,
            &plan(Settings::default().with("ottla.flush", "async")),
        );
    }
}

/// One of three brokers dies: the others go on, and it comes back with what it had.
#[test]
fn kill_nine_of_each_of_three_brokers_loses_nothing_acknowledged() {
    cluster::run(&plan(Settings::default()), Departure::Killed);
}

/// One broker with a group and data is joined by two; all get what it has, and it loses its disk.
#[test]
fn one_of_three_brokers_that_began_alone_loses_its_disk() {
    growth::run(&plan(Settings::default()));
}

/// One of three brokers is stopped in order, as in an upgrade of all, one after the other.
#[test]
fn a_rolling_restart_of_three_brokers_loses_nothing() {
    cluster::run(&plan(Settings::default()), Departure::InOrder);
}

fn plan(settings: Settings) -> Plan {
    fn number<T: FromStr>(name: &str) -> Option<T> {
        let text = std::env::var(name).ok()?;
        let number = text.parse().ok();
        Some(number.unwrap_or_else(|| panic!("{name}={text} is not a number")))
    }
    Plan {
        rounds: number("OTTLA_CRASH_ROUNDS").unwrap_or(3),
        seed: number("OTTLA_CRASH_SEED").unwrap_or_else(|| Random::from_system().next_u64()),
        rate: number("OTTLA_CRASH_RATE"),
        judged_by_java: std::env::var_os("OTTLA_CRASH_JAVA").is_some(),
        settings,
    }
}
