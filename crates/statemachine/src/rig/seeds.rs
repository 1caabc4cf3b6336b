//! Many runs, each from its seed.

/// Runs seeds one after the other, each for so many steps, until all have taken `total` steps; a proof asks for
/// another total, and another first seed, by the environment variables `<NAME>_STEPS` and `<NAME>_SEED`. Says of a run
/// that fails how to repeat it.
///
/// # Panics
/// If a run does.
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a proof has no other way to tell a test, nor a test to tell of it"
)]
pub fn run_consecutive(
    name: &str,
    steps: u64,
    total: u64,
    run: impl Fn(u64) + std::panic::RefUnwindSafe,
) {
    let asked = |what: &str| -> Option<u64> {
        let value = std::env::var(format!("{name}_{what}")).ok()?;
        Some(value.parse().expect("it is a number"))
    };
    let total = asked("STEPS").unwrap_or(total);
    let first = asked("SEED").unwrap_or(0);
    let runs = total.div_ceil(steps);
    for seed in first..first + runs {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!("seed {seed}: {name}_STEPS={steps} {name}_SEED={seed} repeats it");
            std::panic::resume_unwind(panic);
        }
    }
    println!("{} steps in {runs} runs, every promise held", runs * steps);
}
