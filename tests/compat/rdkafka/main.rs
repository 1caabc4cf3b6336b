//! librdkafka through the rdkafka crate: the client under most clients that are not Java.
//!
//! Built only with the feature `rdkafka`, because librdkafka's build needs make; without it the
//! cases are listed as ignored.

use std::process::ExitCode;

use ottla_tests::{Need, Suite};

#[cfg(feature = "rdkafka")]
mod admin;
#[cfg(feature = "rdkafka")]
mod clients;
#[cfg(feature = "rdkafka")]
mod consumer;
#[cfg(feature = "rdkafka")]
mod producer;

fn main() -> ExitCode {
    let mut suite = Suite::new(&[Need::Compiled {
        present: cfg!(feature = "rdkafka"),
        hint: "built without librdkafka; add `--features ottla-tests/rdkafka` (needs make)",
    }]);
    add_cases(&mut suite);
    suite.run()
}

#[cfg(feature = "rdkafka")]
fn add_cases(suite: &mut Suite) {
    producer::add_to(suite);
    consumer::add_to(suite);
    admin::add_to(suite);
}

#[cfg(not(feature = "rdkafka"))]
fn add_cases(suite: &mut Suite) {
    suite.case("librdkafka", |_| {});
}
