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
    use ottla_platform::planted::Planted;
    use ottla_sim::world::{About, Depth, run, show};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "planted") {
        for planted in Planted::ALL {
            println!("{}", planted.name());
        }
        return std::process::ExitCode::SUCCESS;
    }
    let Some(seed) = arguments.first().and_then(|seed| seed.parse().ok()) else {
        eprintln!(
            "usage: ottla-sim SEED [--bank] [--bytes] [PLANTED] [error|warn|info|debug|trace]"
        );
        eprintln!("       ottla-sim planted      lists what can be planted");
        return std::process::ExitCode::FAILURE;
    };
    let mut depth = Depth::Lines;
    let mut about = About::Anything;
    for argument in &arguments[1..] {
        let planted = Planted::ALL.iter().find(|it| it.name() == argument);
        match (planted, argument.parse()) {
            (Some(planted), _) => planted.plant(),
            (None, Ok(level)) => show(level),
            (None, Err(_)) if argument == "--bytes" => depth = Depth::Bytes,
            (None, Err(_)) if argument == "--bank" => about = About::Bank,
            (None, Err(_)) => {
                eprintln!("{argument} is no fault that can be planted, and no level");
                return std::process::ExitCode::FAILURE;
            }
        }
    }
    let report = run(seed, about, depth);
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
