//! A coordinator among producers that begin, write, end, die and come back as somebody else, and a writer of markers
//! that is slow, while commits lag and leaders are lost: the log always folds to the state, no transaction is both
//! committed and aborted, nobody is told of a decision that the log may lose, and once the trouble ends every
//! transaction is complete.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod promises;
mod world;

use ottla_statemachine::rig::Random;
use proptest::prelude::*;

use world::World;

/// Steps of trouble in each run.
const STEPS: usize = 400;

fn run(seed: u64) {
    let mut world = World::new(seed);
    let mut random = Random::new(seed);
    world.trouble(&mut random, STEPS);
    world.calm(&mut random);
    world.assert_at_rest();
}

/// As many steps as a proof asks for, from a seed that it names.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a proof has no other way to tell a test"
)]
fn promises_hold_in_runs_of_consecutive_seeds() {
    let asked = |name: &str| -> Option<u64> { Some(std::env::var(name).ok()?.parse().unwrap()) };
    let steps = asked("OTTLA_TRANSACTIONS_STEPS").unwrap_or(40_000);
    let first = asked("OTTLA_TRANSACTIONS_SEED").unwrap_or(0);
    let runs = steps.div_ceil(STEPS as u64);
    for seed in first..first + runs {
        if let Err(panic) = std::panic::catch_unwind(|| run(seed)) {
            eprintln!(
                "seed {seed}: OTTLA_TRANSACTIONS_STEPS={STEPS} OTTLA_TRANSACTIONS_SEED={seed} repeats it"
            );
            std::panic::resume_unwind(panic);
        }
    }
    println!(
        "{} steps in {runs} runs, every promise held",
        runs * STEPS as u64
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn through_any_trouble_promises_hold_and_transactions_come_to_rest(seed: u64) {
        run(seed);
    }

    #[test]
    fn the_same_seed_is_the_same_run(seed: u64) {
        let run = || {
            let mut world = World::new(seed);
            world.trouble(&mut Random::new(seed), 150);
            (world.rig.records().to_vec(), world.rig.hard().clone())
        };
        prop_assert_eq!(run(), run());
    }
}
