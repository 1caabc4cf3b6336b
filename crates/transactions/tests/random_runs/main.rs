//! A coordinator among producers that begin, write, end, die and come back as somebody else, and a writer of markers
//! that is slow, while commits lag and leaders are lost: the log always folds to the state, no transaction is both
//! committed and aborted, nobody is told of a decision that the log may lose, and once the trouble ends every
//! transaction is complete.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod promises;
mod world;

use ottla_statemachine::rig::{Random, run_consecutive};
use proptest::prelude::*;

use world::World;

/// Steps of trouble in each run.
const STEPS: u64 = 400;

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
    let variable = |name: &str| std::env::var(name).ok();
    run_consecutive("OTTLA_TRANSACTIONS", (STEPS, 40_000), variable, run);
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
