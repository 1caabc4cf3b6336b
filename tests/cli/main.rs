//! The commands of the `ottla` program against a running broker: what they print, and how they exit.

mod cluster;
mod configs;
mod dump;
mod groups;
mod health;
mod member;
mod perf;
mod profiles;
mod run;
mod serve;
mod topics;

use std::process::ExitCode;

use ottla_tests::Suite;

fn main() -> ExitCode {
    let mut suite = Suite::new(&[]);
    groups::add(&mut suite);
    configs::add(&mut suite);
    health::add(&mut suite);
    serve::add(&mut suite);
    dump::add(&mut suite);
    perf::add(&mut suite);
    profiles::add(&mut suite);
    topics::add(&mut suite);
    cluster::add(&mut suite);
    suite.run()
}
