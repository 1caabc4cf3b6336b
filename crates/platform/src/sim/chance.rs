//! What the simulator leaves to chance beside its network: one stream for all of a run, which takes
//! place on one thread.

use std::cell::RefCell;

use crate::seed::Random;

thread_local! {
    static STREAM: RefCell<Random> = RefCell::new(Random::new(0));
}

/// Begins a run: what follows on this thread follows from `seed`.
pub fn set_seed(seed: u64) {
    STREAM.with(|stream| *stream.borrow_mut() = Random::new(seed));
}

/// Draws from the run's stream.
pub fn chance<T>(draw: impl FnOnce(&mut Random) -> T) -> T {
    STREAM.with(|stream| draw(&mut stream.borrow_mut()))
}
