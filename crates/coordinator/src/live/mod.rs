//! What only the leader knows: who is in a rebalance, who waits for an answer.

mod group;
#[allow(
    clippy::module_inception,
    reason = "the type that the module is named for"
)]
mod live;
mod member;
mod protocols;

pub use group::{LiveGroup, Phase};
pub use live::Live;
pub use member::{Member, Protocol, Waiting};
