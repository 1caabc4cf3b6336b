//! Many runs, each from its seed.

use std::panic::{RefUnwindSafe, catch_unwind, resume_unwind};

/// Runs seeds one after the other, each for so many steps, until all have taken `total` steps. A proof asks for another
/// total, and another first seed, by the variables `<NAME>_STEPS` and `<NAME>_SEED`. Says of a run that fails how to
/// repeat it.
///
/// # Panics
/// If a run does.
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test has no other way to tell a proof"
)]
pub fn run_consecutive(
    name: &str,
    (steps, total): (u64, u64),
    variable: impl Fn(&str) -> Option<String>,
    run: impl Fn(u64) + RefUnwindSafe,
) {
    let asked = |what: &str| -> Option<u64> {
        let value = variable(&format!("{name}_{what}"))?;
        Some(value.parse().expect("it is a number"))
    };
    let total = asked("STEPS").unwrap_or(total);
    let first = asked("SEED").unwrap_or(0);
    let runs = total.div_ceil(steps);
    for seed in first..first + runs {
        if let Err(panic) = catch_unwind(|| run(seed)) {
            eprintln!("seed {seed}: {name}_STEPS={steps} {name}_SEED={seed} repeats it");
            resume_unwind(panic);
        }
    }
    println!("{} steps in {runs} runs, every promise held", runs * steps);
}
