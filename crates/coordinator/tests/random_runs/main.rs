//! The coordinator among clients that join, assign, fall silent and come back, while commits lag
//! and leaders are lost: the log always folds to the state, the state keeps its invariants, and
//! once the trouble ends every group comes to rest.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod client;
mod invariants;
mod world;

use ottla_statemachine::rig::Random;
use proptest::prelude::*;

use world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn through_any_trouble_promises_hold_and_groups_come_to_rest(seed: u64) {
        let mut world = World::new();
        let mut random = Random::new(seed);
        world.trouble(&mut random, 400);
        world.calm(&mut random);
        world.assert_at_rest();
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
