//! What the network layer serves: something that answers decoded requests.

use std::net::SocketAddr;
use std::sync::Arc;

use ottla_protocol::request::{Request, RequestHeader};
use ottla_protocol::response::Response;

use super::reply::Reply;

/// Answers requests. The broker's dispatch is one; tests of the network layer script another.
pub trait Service: Send + Sync + 'static {
    /// Runs a request's body, in the order in which requests arrived on their connection. Must not
    /// block: what waits belongs into the reply's future.
    fn call(&self, peer: &Arc<Peer>, header: &RequestHeader, request: Request) -> Reply;

    /// Looks at a response that is about to be sent.
    fn answered(&self, header: &RequestHeader, response: &Response);
}

/// Who is on the other end of a connection, and through which door they came.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The peer's address.
    pub address: SocketAddr,
    /// Name of the listener that accepted the connection. Answers name brokers by the addresses that
    /// they advertise on it.
    pub listener: Arc<str>,
    /// The number of the connection: of two, the one that was accepted later has the larger.
    pub number: u64,
}

/// Whether a request may be handed over while others of its connection are still unanswered: only a
/// produce behind produces. Everything else sees what was done before it, as if requests of one
/// connection were carried out one by one.
pub(super) fn overlaps(request: &Request) -> bool {
    matches!(request, Request::Produce(_))
}
