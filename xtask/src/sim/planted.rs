//! Whether the simulator finds faults that are planted in the broker on purpose.
//!
//! A fault is found by a seed whose run is bad with it and good without.

use std::path::Path;
use std::sync::Mutex;

use super::seeds::{run_one, side_by_side};
use crate::shell::{self, Outcome};

/// Plants one fault, or all one after the other, each in so many seeds at most.
pub(super) fn find(program: &Path, planted: &str, first: u64, seeds: u64) -> Outcome {
    let known = shell::output_of(shell::command(program).arg("planted"))?;
    let wanted: Vec<&str> = known
        .lines()
        .filter(|name| planted == "all" || planted == *name)
        .collect();
    if wanted.is_empty() {
        return Err(format!("{planted} is none of these: all\n{known}"));
    }
    let missed: Vec<&str> = wanted
        .into_iter()
        .filter(|planted| !is_found(program, planted, first, seeds))
        .collect();
    match missed.is_empty() {
        true => Ok(()),
        false => Err(format!("not found in {seeds} seeds: {}", missed.join(", "))),
    }
}

fn is_found(program: &Path, planted: &str, first: u64, seeds: u64) -> bool {
    let found = Mutex::new(None);
    side_by_side(first, seeds, |seed| {
        let Err(told) = run_one(program, seed, &[planted]) else {
            return true;
        };
        if run_one(program, seed, &[]).is_err() {
            println!("{planted}: seed {seed} is bad without it too");
            return true;
        }
        let mut found = found.lock().expect("nobody panics with it");
        let is_first = found.as_ref().is_none_or(|(before, _)| *before > seed);
        if is_first {
            *found = Some((seed, told));
        }
        false
    });
    match found.into_inner().expect("nobody panics with it") {
        Some((seed, told)) => {
            let number = seed - first + 1;
            let how = told.lines().nth(1).unwrap_or_default().trim();
            println!("{planted}: found by seed {seed}, number {number}: {how}");
            true
        }
        None => {
            println!("{planted}: not found in {seeds} seeds");
            false
        }
    }
}
