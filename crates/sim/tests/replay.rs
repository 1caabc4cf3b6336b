//! A seed gives the same run in every process.
#![cfg(ottla_sim)]

use std::process::Command;

fn run(seed: &str) -> String {
    let program = env!("CARGO_BIN_EXE_ottla-sim");
    let output = Command::new(program)
        .args([seed, "--bytes"])
        .output()
        .expect("the simulator can be run");
    String::from_utf8(output.stdout).expect("it writes text")
}

#[test]
fn a_seed_repeats_itself_byte_for_byte_and_another_does_not() {
    let once = run("11");
    assert!(once.contains("trace"), "{once}");
    assert_eq!(once, run("11"));
    let trace = |line: &str| line.split_whitespace().last().map(str::to_owned);
    assert_ne!(trace(&once), trace(&run("12")));
}
