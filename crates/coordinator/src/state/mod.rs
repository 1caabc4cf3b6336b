//! What the log folds to.

mod apply;
mod group;
#[allow(
    clippy::module_inception,
    reason = "the type that the module is named for"
)]
mod state;

pub use group::Group;
pub use state::State;
