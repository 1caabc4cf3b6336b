//! Whom this broker meets: the brokers that the metadata names and, until it does, those that it
//! found its cluster with.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_metadata::image::{Broker, Image};
use ottla_protocol::NodeId;
use ottla_replication::cluster::Cluster;
use ottla_replication::transport::{Contact, Membership, Peer, Presence, Run};
use parking_lot::Mutex;

use super::seeking::Beginning;
use crate::metadata_runner::PEER_LISTENER;

/// Tells the links between brokers whom to connect.
pub struct Meeting {
    peers: Arc<Cluster>,
    me: Contact,
    seeds: Vec<String>,
    cluster_id: String,
    state: Mutex<State>,
}

struct State {
    /// Over when the metadata has named all of its brokers.
    beginning: Option<Beginning>,
    known: BTreeMap<i32, Contact>,
    runs: BTreeMap<NodeId, Run>,
    out_of_service: Vec<i32>,
}

impl Meeting {
    /// Meets those it began with.
    pub(super) fn new(
        peers: Arc<Cluster>,
        me: Contact,
        seeds: Vec<String>,
        cluster_id: String,
        beginning: Option<Beginning>,
    ) -> Meeting {
        let meeting = Meeting {
            peers,
            me,
            seeds,
            cluster_id,
            state: Mutex::new(State {
                beginning,
                known: BTreeMap::new(),
                runs: BTreeMap::new(),
                out_of_service: Vec::new(),
            }),
        };
        meeting.follow(&Image::default());
        meeting
    }

    /// Meets whom the image names.
    pub fn follow(&self, image: &Image) {
        let mut state = self.state.lock();
        if state
            .beginning
            .as_ref()
            .is_some_and(|it| is_over(it, image))
        {
            state.beginning = None;
        }
        let began_with = state.beginning.iter().flat_map(|it| it.brokers.clone());
        let mut known: BTreeMap<i32, Contact> = began_with.map(|one| (one.node, one)).collect();
        known.extend(
            image
                .brokers()
                .filter_map(|one| Some((one.id.0, contact(one)?))),
        );
        known.insert(self.me.node, self.me.clone());
        let fenced = image.brokers().filter(|broker| broker.fenced);
        let out_of_service: Vec<i32> = fenced.map(|broker| broker.id.0).collect();
        let runs: BTreeMap<NodeId, Run> = image.brokers().filter_map(run).collect();
        if state.runs != runs {
            self.peers.set_runs(runs.clone());
            state.runs = runs;
        }
        if state.known == known && state.out_of_service == out_of_service {
            return;
        }
        self.peers.set_peers(known.values().map(|one| Peer {
            node: one.node_id(),
            host: one.host.clone(),
            port: one.port,
            directory: Some(one.directory),
        }));
        let founding = state.beginning.as_ref().filter(|it| it.is_founder);
        let founders = founding.iter().flat_map(|it| &it.brokers);
        self.peers.set_presence(Presence {
            me: self.me.clone(),
            seeds: self.seeds.clone(),
            cluster: Some(Membership {
                cluster_id: self.cluster_id.clone(),
                brokers: known.values().cloned().collect(),
                founders: founders.map(|one| one.node).collect(),
                out_of_service: out_of_service.clone(),
            }),
        });
        state.known = known;
        state.out_of_service = out_of_service;
    }

    /// Whether the metadata has named all whom this broker began with.
    pub(super) fn has_begun(&self) -> bool {
        self.state.lock().beginning.is_none()
    }
}

fn is_over(beginning: &Beginning, image: &Image) -> bool {
    // One that was unregistered since does not come back.
    let was_named = |one: &Contact| image.has_known(NodeId(one.node));
    beginning.brokers.iter().all(was_named)
}

/// The latest run of a broker that the cluster has seen.
fn run(broker: &Arc<Broker>) -> Option<(NodeId, Run)> {
    let run = Run {
        directory: *broker.directories.first()?,
        starts: broker.starts,
        incarnation: broker.incarnation_id,
    };
    Some((broker.id, run))
}

fn contact(broker: &Broker) -> Option<Contact> {
    let endpoint = broker.endpoint(PEER_LISTENER)?;
    Some(Contact {
        node: broker.id.0,
        directory: *broker.directories.first()?,
        host: endpoint.host.clone(),
        port: endpoint.port,
    })
}
