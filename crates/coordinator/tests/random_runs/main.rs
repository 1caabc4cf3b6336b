//! The coordinator among clients that join, assign, fall silent and come back, while commits lag
//! and leaders are lost: the log always folds to the state, the state keeps its invariants, and
//! once the trouble ends every group comes to rest.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod client;
mod invariants;
mod world;

use ottla_statemachine::rig::{Random, run_consecutive};
use proptest::prelude::*;

use world::World;

/// Steps of trouble in each run.
const STEPS: u64 = 400;

fn run(seed: u64) {
    let mut world = World::new();
    let mut random = Random::new(seed);
    world.trouble(&mut random, STEPS);
    world.calm(&mut random);
    world.assert_at_rest();
}

/// As many steps as a proof asks for (`cargo xtask prove groups`), from a seed that it names.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a proof has no other way to tell a test"
)]
fn promises_hold_in_runs_of_consecutive_seeds() {
    let variable = |name: &str| std::env::var(name).ok();
    run_consecutive("OTTLA_GROUPS", (STEPS, 4_000), variable, run);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn through_any_trouble_promises_hold_and_groups_come_to_rest(seed: u64) {
        run(seed);
    }

    #[test]
    fn the_same_seed_is_the_same_run(seed: u64) {
        let run = || {
            let mut world = World::new();
            world.trouble(&mut Random::new(seed), 150);
            (world.rig.records().to_vec(), world.rig.hard().clone())
        };
        prop_assert_eq!(run(), run());
    }
}
