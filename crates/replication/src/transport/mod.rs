//! Requests and replies between the brokers of a cluster; what they mean is a [`Service`]'s business.
//!
//! A broker dials each peer once per [`Lane`] and sends its requests there; replies come back on
//! the same connection, in any order. Requests of a connection reach the service in the order in
//! which they were sent. A connection begins with an exchange of identities: whoever is of another
//! cluster, is not who was meant, or says nothing that we know, is sent away with one log line.
//!
//! - [`seek`]: finding a cluster;
//! - [`hello`]: who is who;
//! - [`frame`]: requests and replies as bytes;
//! - [`link`]: a connection that we dialled, and dial again when it breaks;
//! - [`inbound`]: a connection that was accepted;
//! - [`endpoint`]: all of them.

mod endpoint;
mod frame;
mod hello;
mod inbound;
mod limits;
mod link;
mod read;
mod seek;
#[cfg(test)]
mod tests;

pub use endpoint::{Endpoint, EndpointOptions, Peer};
pub use frame::{Kind, Refusal};
pub use hello::{Identity, Lane, Remote, Run};
pub use inbound::{Answer, Call, Service};
pub use link::{Link, LinkError, Reply};
pub use seek::{Contact, Membership, Presence, answer_while, seek};
