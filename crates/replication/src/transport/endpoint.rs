//! This broker among the others: whom it dials, and who dials it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ottla_platform::net::Listener;
use ottla_platform::planted::Planted;
use ottla_platform::seed::HashMap;
use ottla_protocol::types::NodeId;
use parking_lot::RwLock;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::hello::{Identity, Lane, Run};
use super::inbound::{Service, greet};
use super::link::{Dial, Link};
use super::seek::Presence;

/// How long to rest after the system could not accept a connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);
/// Connections from others at a time. Each broker has two here.
const INBOUND_MAX: usize = 1024;

/// Another broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its number.
    pub node: NodeId,
    /// Where it listens for brokers.
    pub host: String,
    /// The port there.
    pub port: u16,
    /// The only log directory that it may have, if that is known.
    pub directory: Option<Uuid>,
}

/// What an endpoint must know.
#[derive(Debug)]
pub struct EndpointOptions {
    /// Who this broker is.
    pub me: Identity,
    /// Largest body of a request or reply.
    pub frame_bytes_max: usize,
    /// Runs what belongs to [`Lane::Control`], so that work on data does not delay it.
    pub control: Handle,
}

/// The links to all peers. Links of peers that are dropped end.
#[derive(Debug)]
pub struct Endpoint {
    options: EndpointOptions,
    links: RwLock<Links>,
    runs: Arc<Runs>,
    /// What those are told who look for a cluster; nothing where nobody is to.
    presence: RwLock<Option<Presence>>,
}

/// The latest run of each broker that the cluster has seen.
#[derive(Debug, Default)]
pub(crate) struct Runs(RwLock<BTreeMap<NodeId, Run>>);

impl Runs {
    /// They are these from now on.
    pub(crate) fn set(&self, runs: BTreeMap<NodeId, Run>) {
        *self.0.write() = runs;
    }

    pub(super) fn latest(&self, node: NodeId) -> Option<Run> {
        self.0.read().get(&node).copied()
    }
}

/// Each link with the peer that it was dialled for.
type Links = HashMap<(NodeId, Lane), (Peer, Arc<Link>)>;

impl Endpoint {
    /// An endpoint without peers.
    pub fn new(options: EndpointOptions) -> Arc<Endpoint> {
        Arc::new(Endpoint {
            options,
            links: RwLock::default(),
            runs: Arc::default(),
            presence: RwLock::default(),
        })
    }

    /// Who this broker is.
    pub fn me(&self) -> &Identity {
        &self.options.me
    }

    /// What those are told from now on who look for a cluster.
    pub fn set_presence(&self, presence: Presence) {
        *self.presence.write() = Some(presence);
    }

    pub(super) fn presence(&self) -> Option<Presence> {
        self.presence.read().clone()
    }

    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The log directory of a peer, if there can be only one: while it is in service, it keeps its
    /// own.
    pub(super) fn directory_of(&self, node: NodeId) -> Option<Uuid> {
        let presence = self.presence.read();
        let cluster = presence.as_ref().and_then(|it| it.cluster.as_ref());
        if cluster.is_some_and(|it| it.out_of_service.contains(&node.0)) {
            return None;
        }
        let links = self.links.read();
        links.get(&(node, Lane::Control))?.0.directory
    }

    /// Has exactly these peers from now on, itself not among them. Links to those that stay as
    /// they were stay too.
    pub fn set_peers(&self, peers: impl IntoIterator<Item = Peer>) {
        let mut links = self.links.write();
        let mut before = std::mem::take(&mut *links);
        let others = peers.into_iter().filter(|peer| peer.node != self.me().node);
        for (peer, lane) in others.flat_map(|peer| Lane::ALL.map(|lane| (peer.clone(), lane))) {
            let key = (peer.node, lane);
            let kept = before.remove(&key).filter(|(known, _)| *known == peer);
            let link = kept.map_or_else(|| self.dial(&peer, lane), |(_, link)| link);
            links.insert(key, (peer, link));
        }
    }

    fn dial(&self, peer: &Peer, lane: Lane) -> Arc<Link> {
        let (link, driver) = Link::new(Dial {
            me: self.options.me.clone(),
            to: peer.node,
            host: peer.host.clone(),
            port: peer.port,
            directory: peer.directory,
            runs: Arc::clone(&self.runs),
            lane,
            frame_bytes_max: self.options.frame_bytes_max,
        });
        match lane {
            Lane::Data => drop(tokio::spawn(driver)),
            Lane::Control => drop(self.options.control.spawn(driver)),
        }
        Arc::new(link)
    }

    /// The link to a peer.
    pub fn link(&self, node: NodeId, lane: Lane) -> Option<Arc<Link>> {
        let links = self.links.read();
        links.get(&(node, lane)).map(|(_, link)| Arc::clone(link))
    }

    /// The link to a peer, if that is where its log directory is; nil: wherever it is.
    pub(crate) fn link_to(&self, node: NodeId, directory: Uuid, lane: Lane) -> Option<Arc<Link>> {
        let links = self.links.read();
        let (peer, link) = links.get(&(node, lane))?;
        let is_there = peer.directory.is_none_or(|known| known == directory);
        let is_there = is_there || Planted::InitializeAfterWipe.is_there();
        (is_there || directory.is_nil()).then(|| Arc::clone(link))
    }

    /// The peers, by number.
    pub fn peers(&self) -> BTreeMap<NodeId, Peer> {
        let links = self.links.read();
        let peers = links.values().map(|(peer, _)| (peer.node, peer.clone()));
        peers.collect()
    }

    /// Breaks all connections to a peer that has fallen silent.
    pub fn reset(&self, node: NodeId) {
        for lane in Lane::ALL {
            if let Some(link) = self.link(node, lane) {
                link.reset();
            }
        }
    }

    /// A peer has shown that it is this incarnation: breaks what stands with an older one, whose end
    /// never got here.
    pub(crate) fn drop_stale(&self, node: NodeId, incarnation: Uuid) {
        for lane in Lane::ALL {
            if let Some(link) = self.link(node, lane)
                && link
                    .remote()
                    .is_some_and(|it| it.incarnation != incarnation)
            {
                link.reset();
            }
        }
    }

    /// Serves whoever dials, until `stop`; then all their connections end.
    pub async fn serve(
        self: Arc<Endpoint>,
        listener: Listener,
        service: Arc<dyn Service>,
        stop: impl Future<Output = ()>,
    ) {
        let room = Arc::new(Semaphore::new(INBOUND_MAX));
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let permit = Arc::clone(&room).acquire_owned();
            let accepted = async {
                let permit = permit.await.expect("nobody closes this semaphore");
                (permit, listener.accept().await)
            };
            let (permit, accepted) = tokio::select! {
                () = &mut stop => return,
                accepted = accepted => accepted,
                Some(_) = connections.join_next() => continue,
            };
            let (socket, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections of brokers");
                    tokio::time::sleep(ACCEPT_REST).await;
                    continue;
                }
            };
            let (endpoint, service) = (Arc::clone(&self), Arc::clone(&service));
            connections.spawn(async move {
                let _permit = permit;
                let options = &endpoint.options;
                let greeted = greet(socket, peer, &endpoint, options.frame_bytes_max).await;
                let Some(inbound) = greeted else { return };
                let served = match inbound.lane {
                    Lane::Data => inbound.serve(service).await,
                    Lane::Control => {
                        let task = options.control.spawn(inbound.serve(service));
                        AbortOnDrop(task).join().await
                    }
                };
                if let Err(reason) = served {
                    tracing::debug!(%peer, %reason, "a broker's connection ended");
                }
            });
        }
    }
}

/// A task on another runtime that ends with who waits for it.
struct AbortOnDrop(tokio::task::JoinHandle<std::io::Result<()>>);

impl AbortOnDrop {
    async fn join(mut self) -> std::io::Result<()> {
        let ended = (&mut self.0).await;
        ended.unwrap_or_else(|ended| Err(std::io::Error::other(ended)))
    }
}

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}
