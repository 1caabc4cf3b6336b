//! The program behind `cargo xtask sim`: runs one seed, says how it ended in one line, and fails if a
//! promise was not kept.

#[cfg(not(ottla_sim))]
fn main() -> std::process::ExitCode {
    eprintln!("built without the simulator's doors: use `cargo xtask sim`");
    std::process::ExitCode::FAILURE
}

#[cfg(ottla_sim)]
#[allow(clippy::print_stdout, reason = "it talks to its terminal")]
fn main() -> std::process::ExitCode {
    use ottla_sim::world::{Depth, run, show};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(seed) = arguments.first().and_then(|seed| seed.parse().ok()) else {
        eprintln!("usage: ottla-sim SEED [--bytes] [error|warn|info|debug|trace]");
        return std::process::ExitCode::FAILURE;
    };
    let mut depth = Depth::Lines;
    for argument in &arguments[1..] {
        match argument.parse() {
            Ok(level) => show(level),
            Err(_) => depth = Depth::Bytes,
        }
    }
    let report = run(seed, depth);
    let verdict = if report.broken.is_empty() {
        "good"
    } else {
        "bad"
    };
    println!(
        "seed {seed}: {verdict}, {:.0} s, {} faults, {} records acknowledged, {} events, trace {:016x}",
        report.took.as_secs_f64(),
        report.faults,
        report.acknowledged,
        report.trace.events,
        report.trace.sum,
    );
    for broken in &report.broken {
        println!("  {broken}");
    }
    match report.broken.is_empty() {
        true => std::process::ExitCode::SUCCESS,
        false => std::process::ExitCode::FAILURE,
    }
}
