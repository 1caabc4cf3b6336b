//! Accepting connections.
//!
//! One task per listener accepts and starts a task per connection. Stopping is in two steps, so that
//! nothing that was answered is lost: [`Network::drain`] closes the doors, lets every connection send
//! what it owes and waits for that, within a bound; then what is left is closed.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ottla_platform::net::{Listener, Socket};
use tokio::task::JoinHandle;

use super::admission::{Admission, Admitted};
use super::connection;
use super::memory::RequestMemory;
use super::registry::{Phase, Registry};
use super::service::{Peer, Service};
use crate::config::NetworkLimits;
use crate::limits::{ACCEPT_REST, DRAIN_MAX};
use crate::metrics::{Metrics, Refusal};

/// What all connections of a node share.
pub struct Network<S> {
    pub(super) service: Arc<S>,
    pub(super) limits: NetworkLimits,
    pub(super) memory: RequestMemory,
    pub(super) metrics: Arc<Metrics>,
    pub(super) registry: Arc<Registry>,
    admission: Arc<Admission>,
    /// How many connections there have been.
    accepted: AtomicU64,
}

/// A listener's accept task. Dropped without [`Network::drain`], it goes on.
pub struct Listening {
    accepting: JoinHandle<()>,
}

impl<S: Service> Network<S> {
    /// A network layer in front of a service; nothing listens yet.
    pub fn new(service: Arc<S>, limits: NetworkLimits, metrics: Arc<Metrics>) -> Arc<Self> {
        Arc::new(Network {
            service,
            memory: RequestMemory::new(limits.queued_request_bytes_max),
            admission: Arc::new(Admission::new(&limits)),
            accepted: AtomicU64::new(0),
            registry: Arc::default(),
            limits,
            metrics,
        })
    }

    /// Serves what connects to a listener of this name.
    pub fn listen(self: &Arc<Self>, listener: Listener, name: &str) -> Listening {
        let accepting = accept(Arc::clone(self), listener, name.into());
        Listening {
            accepting: tokio::spawn(accepting),
        }
    }

    /// Stops accepting, lets connections send what they owe, and closes them.
    pub async fn drain(&self, listening: Vec<Listening>) {
        for listening in &listening {
            listening.accepting.abort();
        }
        for listening in listening {
            // It was aborted, or had ended before: both are what is wanted.
            let _ = listening.accepting.await;
        }
        self.registry.proceed(Phase::Draining);
        if tokio::time::timeout(DRAIN_MAX, self.registry.emptied())
            .await
            .is_err()
        {
            let left = self.registry.connections();
            tracing::warn!(connections = left, "closed with replies unsent");
        }
        self.registry.proceed(Phase::Closed);
        self.registry.emptied().await;
    }

    /// Connections that are open now.
    pub fn connections(&self) -> usize {
        self.registry.connections()
    }

    /// The memory that requests share.
    pub fn memory(&self) -> &RequestMemory {
        &self.memory
    }
}

async fn accept<S: Service>(network: Arc<Network<S>>, listener: Listener, name: Arc<str>) {
    loop {
        let slot = network.admission.slot().await;
        let (socket, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                rest_after(&error, &name).await;
                continue;
            }
        };
        let Some(admitted) = network.admission.admit(address.ip(), slot) else {
            network.metrics.network.refused(Refusal::TooManyPerIp);
            tracing::info!(peer = %address, "connection refused: too many from its address");
            continue;
        };
        let peer = Arc::new(Peer {
            address,
            listener: Arc::clone(&name),
            number: network.accepted.fetch_add(1, Ordering::Relaxed),
        });
        tokio::spawn(serve(Arc::clone(&network), socket, peer, admitted));
    }
}

async fn serve<S: Service>(
    network: Arc<Network<S>>,
    socket: Socket,
    peer: Arc<Peer>,
    _admitted: Admitted,
) {
    network.metrics.network.opened();
    let end = connection::run(socket, Arc::clone(&peer), Arc::clone(&network)).await;
    if end.is_malformed() {
        network.metrics.network.malformed();
    }
    end.log(&peer);
    network.metrics.network.closed();
}

/// A peer that is gone before it was accepted is its own affair; when the system has no descriptors
/// left, trying again at once would only spin.
async fn rest_after(error: &io::Error, listener: &str) {
    if error.kind() == io::ErrorKind::ConnectionAborted {
        return;
    }
    tracing::error!(%listener, %error, "a connection could not be accepted");
    tokio::time::sleep(ACCEPT_REST).await;
}
