//! Runs of many seeds, two at a time, and what they did in all.

use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::shell::{self, Outcome};

/// Processes at a time.
const PROCESSES: usize = 2;

/// Runs seeds from `first` on, and says how each ended.
pub(super) fn run_all(program: &Path, about: &[&str], first: u64, seeds: u64) -> Outcome {
    let totals = Mutex::new(Totals::default());
    let bad = Mutex::new(Vec::new());
    side_by_side(first, seeds, |seed| {
        let outcome = match seed == first {
            true => run_twice(program, seed, about),
            false => run_one(program, seed, about),
        };
        match outcome {
            Ok(told) => {
                print!("{told}");
                totals.lock().expect("nobody panics with it").add(&told);
            }
            Err(told) => {
                print!("{told}");
                println!("  again: cargo xtask sim {} --seed {seed}", about.join(" "));
                bad.lock().expect("nobody panics with it").push(seed);
            }
        }
        true
    });
    let totals = totals.into_inner().expect("nobody panics with it");
    let bad = bad.into_inner().expect("nobody panics with it");
    println!(
        "good runs: {:.1} h of simulated time, {} faults, {} records acknowledged",
        totals.seconds / 3600.0,
        totals.faults,
        totals.records
    );
    match bad.is_empty() {
        true => Ok(()),
        false => Err(format!("{} of {seeds} seeds are bad: {bad:?}", bad.len())),
    }
}

/// Does something with seeds from `first` on, a few at a time, until there are no more or it says no.
pub(super) fn side_by_side(first: u64, seeds: u64, work: impl Fn(u64) -> bool + Sync) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= seeds {
                        return;
                    }
                    if !work(first.saturating_add(number)) {
                        next.store(seeds, Ordering::Relaxed);
                    }
                }
            });
        }
    });
}

/// What the run says of itself; in either case.
pub(super) fn run_one(program: &Path, seed: u64, more: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .current_dir(shell::root())
        .arg(seed.to_string())
        .args(more)
        .output();
    let output = output.map_err(|error| format!("the simulator: {error}\n"))?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(told);
    }
    let complaints = String::from_utf8_lossy(&output.stderr);
    Err(format!(
        "{told}{complaints}  ended with {}\n",
        output.status
    ))
}

/// The same seed must give the same run, down to every byte that is sent.
fn run_twice(program: &Path, seed: u64, about: &[&str]) -> Result<String, String> {
    let more = [about, &["--bytes"]].concat();
    let (once, again) = (
        run_one(program, seed, &more)?,
        run_one(program, seed, &more)?,
    );
    match once == again {
        true => Ok(once),
        false => Err(format!("seed {seed} does not repeat itself\n{once}{again}")),
    }
}

/// What runs did in all.
#[derive(Default)]
struct Totals {
    seconds: f64,
    faults: u64,
    records: u64,
}

impl Totals {
    /// Adds the numbers that stand before the words for them in what a run says.
    fn add(&mut self, told: &str) {
        let words: Vec<&str> = told.split_whitespace().collect();
        for pair in words.windows(2) {
            let number = |text: &str| text.parse().unwrap_or(0);
            match pair[1] {
                "s," => self.seconds += pair[0].parse::<f64>().unwrap_or(0.0),
                "faults," => self.faults += number(pair[0]),
                "records" => self.records += number(pair[0]),
                _ => {}
            }
        }
    }
}
