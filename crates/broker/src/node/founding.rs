//! Whose directory it is, and making the cluster know this broker.
//!
//! A directory without an identity gets one before anything else is written to it: that of a cluster
//! of its own, or, for a broker that was told of others, of the cluster that it finds or founds with
//! them. What a directory says counts more than what the configuration says, which may only agree.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use ottla_metadata::operations::{Found, Refused, RegisterBroker};
use ottla_metadata::record::{BrokerEndpoint, FeatureRange};
use ottla_platform::disk::Disk;
use ottla_platform::net::Listener;
use ottla_platform::seed::Random;
use ottla_protocol::{ErrorCode, NodeId, TopicId};
use ottla_replication::transport::{Contact, Presence, answer_while, seek};
use ottla_replication::{Beginning as ReplicaBeginning, PartitionSpec};
use ottla_storage::{DirectoryMeta, LogConfig};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::seeking::{Beginning, seek_cluster};
use super::start::StartError;
use crate::config::{Config, HostPort};
use crate::features::SUPPORTED;
use crate::http::Health;
use crate::metadata_runner::{METADATA_GROUP_ID, METADATA_TOPIC, MetadataHandle, PEER_LISTENER};
use crate::partitions::keys;

pub(super) const METADATA_TOPIC_ID: TopicId = TopicId(Uuid::from_u128(1));
/// How long to rest before the cluster is asked again to take this broker.
const REST: Duration = Duration::from_millis(200);
/// How often it is said that this broker still waits for that.
const REMIND: Duration = Duration::from_secs(10);

/// Reads the directory's identity; `None` if it has none yet.
pub(super) fn identity(
    disk: &dyn Disk,
    directory: &Path,
    node_id: NodeId,
) -> Result<Option<DirectoryMeta>, StartError> {
    let Some(meta) = DirectoryMeta::read(disk, directory)? else {
        return Ok(None);
    };
    if meta.node_id != node_id.0 {
        return Err(StartError::OtherNode {
            directory: directory.to_owned(),
            found: NodeId(meta.node_id),
            configured: node_id,
        });
    }
    Ok(Some(meta))
}

/// The identity of a directory that has none, to be written.
pub(super) async fn new_identity(
    config: &Config,
    random: &mut Random,
    door: (&Listener, &HostPort),
    health: &Health,
) -> DirectoryMeta {
    let (listener, advertised) = door;
    let me = Contact {
        node: config.node_id.0,
        directory: random_uuid(random),
        host: advertised.host.clone(),
        port: advertised.port,
    };
    let directory_id = me.directory;
    let seeds = &config.peers.seeds;
    let (found, beginning) = if seeds.is_empty() {
        (None, None)
    } else {
        let presence = Presence {
            me,
            seeds: seeds.iter().map(HostPort::to_string).collect(),
            cluster: None,
        };
        let seeking = seek_cluster(&presence, seeds, health);
        let (found, beginning) = answer_while(listener, &presence, seeking).await;
        (found, Some(beginning))
    };
    let directory = config.data_dir.display();
    let node = config.node_id;
    // Kafka's clients know a cluster by a text of this form.
    let cluster_id = found
        .clone()
        .unwrap_or_else(|| TopicId(random_uuid(random)).to_string());
    match found {
        Some(_) => {
            tracing::info!(%directory, cluster = cluster_id, %node, "a new directory joins a cluster")
        }
        None => {
            tracing::info!(%directory, cluster = cluster_id, %node, "a new directory, a new cluster")
        }
    }
    let founding = beginning.map(|it| serde_json::to_string(&it).expect("texts and numbers"));
    DirectoryMeta {
        directory_id,
        cluster_id,
        node_id: config.node_id.0,
        founding,
    }
}

/// Says it if a broker that this one was told of is of another cluster than this one's directory.
pub(super) async fn check_seeds(
    seeds: &[HostPort],
    directory: &Path,
    cluster_id: &str,
) -> Result<(), String> {
    let asking = seeds.iter().map(|seed| seek(&seed.host, seed.port));
    let clusters = join_all(asking).await.into_iter().flatten();
    for cluster in clusters.filter_map(|other| other.cluster) {
        if cluster.cluster_id != cluster_id {
            return Err(format!(
                "{} belongs to cluster {cluster_id}, the brokers in ottla.peer.seeds to {}: take the \
                 directory of that cluster, an empty one, or other seeds",
                directory.display(),
                cluster.cluster_id
            ));
        }
    }
    Ok(())
}

/// How this broker came to its cluster, if that is not over yet.
///
/// # Errors
/// A directory says it in words that this version does not know.
pub(super) fn beginning_of(meta: &DirectoryMeta) -> Result<Option<Beginning>, StartError> {
    let text = meta.founding.as_deref();
    let read = text.map(serde_json::from_str).transpose();
    read.map_err(|error| StartError::Disk(std::io::Error::other(error)))
}

pub(super) fn random_uuid(random: &mut Random) -> Uuid {
    uuid::Builder::from_random_bytes(random.bytes16()).into_uuid()
}

/// The metadata partition. It may begin empty only in a directory that holds no logs yet.
pub(super) fn metadata_partition(
    meta: &DirectoryMeta,
    is_empty: bool,
    beginning: Option<&Beginning>,
) -> PartitionSpec {
    let (replicas, beginning) = match beginning {
        _ if !is_empty => (Vec::new(), ReplicaBeginning::Continues),
        Some(it) if !it.is_founder => (Vec::new(), ReplicaBeginning::Joins),
        founding => {
            let brokers = founding.iter().flat_map(|it| &it.brokers);
            let mut seats: Vec<_> = brokers.map(|it| (it.node_id(), it.directory)).collect();
            if seats.is_empty() {
                seats.push((NodeId(meta.node_id), meta.directory_id));
            }
            let founders = keys(seats);
            (founders.clone(), ReplicaBeginning::Founds(founders))
        }
    };
    PartitionSpec {
        topic: METADATA_TOPIC.into(),
        partition: 0,
        topic_id: METADATA_TOPIC_ID,
        group_id: METADATA_GROUP_ID,
        replicas,
        beginning,
        // It is never cut: every record of it counts.
        config: LogConfig {
            retention_ms: None,
            ..LogConfig::default()
        },
    }
}

/// Names the cluster if it has no name yet, and registers this broker in it. Asks as long as nobody
/// decides: the cluster may be waiting for a majority.
pub(super) async fn join(
    metadata: &MetadataHandle,
    config: &Config,
    meta: &DirectoryMeta,
    (advertised, peers_advertised): (&[(String, HostPort)], &HostPort),
    incarnation_id: Uuid,
) -> Result<(), StartError> {
    let agreed = SUPPORTED.iter().filter(|feature| feature.initial != 0);
    let features = agreed.map(|feature| (feature.name.to_owned(), feature.initial));
    let found = Found {
        cluster_id: meta.cluster_id.clone(),
        features: features.collect(),
    };
    let endpoint = |name: &str, address: &HostPort| BrokerEndpoint {
        name: name.to_owned(),
        host: address.host.clone(),
        port: address.port,
        security_protocol: PLAINTEXT,
    };
    let clients = advertised.iter().map(|(name, at)| endpoint(name, at));
    let endpoints = clients.chain([endpoint(PEER_LISTENER, peers_advertised)]);
    let features = SUPPORTED.iter().map(|feature| FeatureRange {
        name: feature.name.to_owned(),
        min: feature.min,
        max: feature.max,
    });
    let registration = RegisterBroker {
        cluster_id: meta.cluster_id.clone(),
        broker: config.node_id,
        incarnation_id,
        endpoints: endpoints.collect(),
        features: features.collect(),
        rack: config.rack.clone(),
        directories: vec![meta.directory_id],
    };
    decided(|| metadata.found(found.clone())).await?;
    decided(|| metadata.register(registration.clone())).await?;
    Ok(())
}

/// Kafka's number of the only protocol that is served.
const PLAINTEXT: i16 = 0;

async fn decided<T, A>(ask: impl Fn() -> A) -> Result<T, StartError>
where
    A: Future<Output = Result<Result<T, Refused>, ErrorCode>>,
{
    let mut told = Instant::now();
    loop {
        match ask().await {
            Ok(Ok(decided)) => return Ok(decided),
            Ok(Err(refused)) => return Err(StartError::Refused(refused)),
            Err(_undecided) => {}
        }
        if told.elapsed() > REMIND {
            told = Instant::now();
            tracing::warn!(
                "waiting for a majority of the brokers that hold the cluster's metadata"
            );
        }
        sleep(REST).await;
    }
}
