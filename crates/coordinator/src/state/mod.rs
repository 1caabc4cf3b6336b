//! What the log folds to.

mod apply;
mod group;
mod producers;
#[allow(
    clippy::module_inception,
    reason = "the type that the module is named for"
)]
mod state;

pub use group::{Group, PendingOffset};
pub use producers::Producers;
pub use state::State;
