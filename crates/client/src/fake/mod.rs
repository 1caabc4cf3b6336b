//! Brokers that do what a test tells them to.
//!
//! - [`peer`]: the broker's end of one stream: takes requests, gives answers;
//! - [`answers`]: responses that tests need again and again;
//! - [`broker`]: a whole listener with a script, for what needs more than one connection;
//! - [`cluster`]: several of them with one topic's logs behind, and faults to order.

pub(crate) mod answers;
pub(crate) mod broker;
pub(crate) mod cluster;
pub(crate) mod peer;
