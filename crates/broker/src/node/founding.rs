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
use ottla_replication::{
    Beginning as ReplicaBeginning, Groups, OpenError, Partition, PartitionSpec, ReplicaKey,
};
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
        format: DirectoryMeta::FIRST_FORMAT,
        directory_id,
        cluster_id,
        node_id: config.node_id.0,
        starts: 0,
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

/// Opens the metadata partition. It may begin empty, whatever a crash left of an earlier attempt, as
/// long as the directory, whose logs these are, holds no other log: those come with the metadata.
pub(super) async fn open_metadata(
    groups: &Groups,
    meta: &DirectoryMeta,
    names: &[String],
    beginning: Option<&Beginning>,
) -> Result<Partition, OpenError> {
    if !names.is_empty() {
        let own = format!("{METADATA_TOPIC}-0");
        let is_alone = names.iter().all(|name| *name == own);
        let spec = metadata_partition(Vec::new(), ReplicaBeginning::Continues);
        match groups.open(spec).await {
            Err(OpenError::Lost) if is_alone => {}
            opened => return opened,
        }
    }
    let spec = match beginning {
        Some(it) if !it.is_founder => metadata_partition(Vec::new(), ReplicaBeginning::Joins),
        founding => {
            let brokers = founding.iter().flat_map(|it| &it.brokers);
            let mut seats: Vec<_> = brokers.map(|it| (it.node_id(), it.directory)).collect();
            if seats.is_empty() {
                seats.push((NodeId(meta.node_id), meta.directory_id));
            }
            let founders = keys(seats);
            metadata_partition(founders.clone(), ReplicaBeginning::Founds(founders))
        }
    };
    groups.open(spec).await
}

fn metadata_partition(replicas: Vec<ReplicaKey>, beginning: ReplicaBeginning) -> PartitionSpec {
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
        starts: meta.starts,
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ottla_platform::clock::{Clock, SystemClock};
    use ottla_platform::sim::SimDisk;
    use ottla_storage::{Drive, Identity, Log, LogDir, LogDirOptions, OnDamage};

    use super::*;

    const DATA: &str = "/data";

    /// A formatted disk.
    fn disk(meta: &DirectoryMeta) -> Arc<SimDisk> {
        let disk = Arc::new(SimDisk::new(1));
        meta.write(&*disk, Path::new(DATA)).unwrap();
        disk
    }

    fn log_dir(disk: &Arc<SimDisk>) -> LogDir {
        let options = LogDirOptions {
            clock: Arc::new(SystemClock::default()),
            drive: Drive::Workers,
            mapped_files_max: 100,
            reserve_bytes: 0,
            on_failure: Box::new(|error| panic!("{error}")),
        };
        LogDir::open(disk.clone(), Path::new(DATA), options).unwrap()
    }

    /// Opens the metadata of a directory as a start does.
    async fn open(
        dir: &LogDir,
        beginning: Option<&Beginning>,
    ) -> (Groups, Result<Partition, OpenError>) {
        let (meta, names) = (dir.meta().clone(), dir.log_names().unwrap());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let groups = Groups::new(NodeId(meta.node_id), dir.clone(), clock, None);
        let opened = open_metadata(&groups, &meta, &names, beginning).await;
        (groups, opened)
    }

    /// What a crash leaves of a log that was made and never written to.
    fn leave_empty(disk: &Arc<SimDisk>, name: &str, topic_id: u128) {
        let dir = log_dir(disk);
        let identity = Identity {
            topic_id: Uuid::from_u128(topic_id),
            partition: 0,
            group_id: METADATA_GROUP_ID,
        };
        Log::open(&dir, name, identity, LogConfig::default(), OnDamage::Refuse).unwrap();
        drop(dir);
        disk.power_on();
    }

    fn meta() -> DirectoryMeta {
        DirectoryMeta {
            format: DirectoryMeta::FIRST_FORMAT,
            directory_id: Uuid::from_u128(7),
            cluster_id: "cluster".into(),
            node_id: 3,
            starts: 1,
            founding: None,
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_crashed_before_it_had_any_metadata_begins_again() {
        let joining = Beginning {
            is_founder: false,
            brokers: Vec::new(),
        };
        for beginning in [None, Some(&joining)] {
            let disk = disk(&meta());
            leave_empty(&disk, "__cluster_metadata-0", METADATA_TOPIC_ID.0.as_u128());
            let (groups, opened) = open(&log_dir(&disk), beginning).await;
            groups.close(opened.unwrap()).await.unwrap();
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn lost_metadata_is_not_begun_anew() {
        let disk = disk(&meta());
        leave_empty(&disk, "topic-0", 70);
        let (_, opened) = open(&log_dir(&disk), None).await;
        assert!(matches!(opened, Err(OpenError::Lost)));
        // The first attempt has made an empty log.
        let (_, opened) = open(&log_dir(&disk), None).await;
        assert!(matches!(opened, Err(OpenError::Lost)));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn metadata_that_is_there_continues() {
        let dir = log_dir(&disk(&meta()));
        let (groups, opened) = open(&dir, None).await;
        let opened = opened.unwrap();
        let term = opened.log().state().last.unwrap().term;
        groups.close(opened).await.unwrap();
        let (_, opened) = open(&dir, None).await;
        assert!(opened.unwrap().log().state().last.unwrap().term > term);
    }
}
