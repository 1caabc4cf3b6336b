//! Suites whose cases are in a program in another language, on somebody else's client.
//!
//! Such a program prints the names of its cases when it is told `list`. Told `CASE HOST:PORT` it runs
//! one: it ends with status 0, or with another and has said what was wrong.

use std::process::{Command, ExitCode};
use std::time::Duration;

use crate::broker::Settings;
use crate::suite::{Need, Suite};
use crate::tool::Tool;

/// The longest that one case may take; the programs themselves give up earlier and say where.
const WITHIN: Duration = Duration::from_secs(90);

/// Runs all cases of a program against one broker, each in a process of its own.
///
/// Without the program nobody knows the cases: one of the suite's name stands for them all.
pub fn run(need: Need, suite_name: &str, program: fn() -> Result<Command, String>) -> ExitCode {
    // Nobody else joins these groups at first, so waiting for others only takes time.
    let settings = Settings::default().with("group.initial.rebalance.delay.ms", "0");
    let mut suite = Suite::new(&[need]).with_settings(settings);
    let names = match program() {
        Ok(command) => case_names(command),
        Err(_missing) => vec![suite_name.to_owned()], // the suite tells the reason
    };
    for name in names {
        suite.case(&name.clone(), move |broker| {
            let command = program().expect("the suite has what it needs");
            Tool::from(command)
                .args([&name, &broker.bootstrap()])
                .within(WITHIN)
                .succeed();
        });
    }
    suite.run()
}

fn case_names(program: Command) -> Vec<String> {
    let listing = Tool::from(program).arg("list").succeed();
    let names: Vec<String> = listing.lines().into_iter().map(str::to_owned).collect();
    assert!(!names.is_empty(), "a suite without cases: {listing}");
    names
}
