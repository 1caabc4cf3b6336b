//! The ports that a node takes, before it touches anything else. Clients are refused until it serves
//! them: where there are other brokers, they go there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ottla_platform::net::{ListenOptions, Listener, Reserved};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::start::StartError;
use crate::config::{Config, HostPort};
use crate::http::{self, Health, Pages};
use crate::metrics::Metrics;

/// The sockets that a node listens on.
pub(super) struct Doors {
    /// For clients, by listener.
    pub(super) listeners: Vec<(String, Reserved, SocketAddr)>,
    /// What clients are told, by listener.
    pub(super) advertised: Vec<(String, HostPort)>,
    /// For brokers.
    pub(super) peers: Listener,
    /// What brokers are told.
    pub(super) peers_advertised: HostPort,
    /// The second port.
    pub(super) http: Option<(Listener, SocketAddr)>,
}

/// The second port, served.
pub(super) struct Http {
    pub(super) address: SocketAddr,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) task: JoinHandle<()>,
}

impl Doors {
    pub(super) async fn open(config: &Config) -> Result<Doors, StartError> {
        let options = ListenOptions {
            backlog: Some(config.network.listen_backlog),
            send_buffer_bytes: config.network.send_buffer_bytes,
            receive_buffer_bytes: config.network.receive_buffer_bytes,
        };
        let mut listeners = Vec::new();
        let mut advertised = Vec::new();
        for configured in &config.listeners {
            let (listener, address) = reserve("listeners", &configured.bind, options).await?;
            advertised.push((
                configured.name.clone(),
                configured.advertised(address.port()),
            ));
            listeners.push((configured.name.clone(), listener, address));
        }
        let meeting = &config.peers;
        let default = ListenOptions::default();
        let (peers, bound) = bind("ottla.peer.listener", &meeting.listen, default).await?;
        let mut peers_advertised = meeting.advertised.clone();
        if peers_advertised.port == 0 {
            peers_advertised.port = bound.port();
        }
        let http = match &config.http {
            Some(address) => Some(bind("ottla.http.address", address, default).await?),
            None => None,
        };
        Ok(Doors {
            listeners,
            advertised,
            peers,
            peers_advertised,
            http,
        })
    }
}

async fn bind(
    key: &'static str,
    address: &HostPort,
    options: ListenOptions,
) -> Result<(Listener, SocketAddr), StartError> {
    let (reserved, bound) = reserve(key, address, options).await?;
    let listener = reserved.listen().map_err(|source| StartError::Listen {
        key,
        address: address.clone(),
        source,
    })?;
    Ok((listener, bound))
}

async fn reserve(
    key: &'static str,
    address: &HostPort,
    options: ListenOptions,
) -> Result<(Reserved, SocketAddr), StartError> {
    let refused = |source| StartError::Listen {
        key,
        address: address.clone(),
        source,
    };
    let mut reserved = Err(io::Error::from(io::ErrorKind::AddrNotAvailable));
    for (host, port) in address.bind_candidates() {
        reserved = Reserved::bind(host, port, options).await;
        if reserved.is_ok() {
            break;
        }
    }
    let reserved = reserved.map_err(refused)?;
    let bound = reserved.local_addr().map_err(refused)?;
    Ok((reserved, bound))
}

pub(super) fn serve_http(
    (listener, address): (Listener, SocketAddr),
    metrics: &Arc<Metrics>,
    health: &Arc<Health>,
) -> Http {
    let pages = Pages {
        metrics: Arc::clone(metrics),
        health: Arc::clone(health),
    };
    let (stop, stopped) = oneshot::channel();
    let serving = http::serve(listener, pages, async move {
        // A node that is gone stops it too.
        let _ = stopped.await;
    });
    Http {
        address,
        stop,
        task: tokio::spawn(serving),
    }
}
