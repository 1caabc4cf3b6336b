//! Whose directory it is, and making the cluster know this broker.
//!
//! A directory without an identity gets one before anything else is written to it, and with it a
//! cluster of its own: this broker alone. What a directory says counts more than what the
//! configuration says, which may only agree.

use std::path::Path;

use ottla_metadata::operations::{Found, Refused, RegisterBroker};
use ottla_metadata::record::{BrokerEndpoint, FeatureRange};
use ottla_platform::disk::Disk;
use ottla_platform::seed::Random;
use ottla_protocol::{ErrorCode, NodeId, TopicId};
use ottla_replication::PartitionSpec;
use ottla_storage::{DirectoryMeta, LogConfig};
use uuid::Uuid;

use super::start::StartError;
use crate::config::{Config, HostPort};
use crate::features::SUPPORTED;
use crate::metadata_runner::MetadataHandle;

/// The metadata log's topic, as Kafka's tools know it.
const METADATA_TOPIC: &str = "__cluster_metadata";
pub(super) const METADATA_TOPIC_ID: TopicId = TopicId(Uuid::from_u128(1));
/// Its Raft group; partitions have higher ones.
const METADATA_GROUP_ID: u64 = 0;

/// Reads the directory's identity, or gives it one.
pub(super) fn identity(
    disk: &dyn Disk,
    directory: &Path,
    node_id: NodeId,
    random: &mut Random,
) -> Result<DirectoryMeta, StartError> {
    if let Some(meta) = DirectoryMeta::read(disk, directory)? {
        if meta.node_id != node_id.0 {
            let (directory, found) = (directory.to_owned(), NodeId(meta.node_id));
            return Err(StartError::OtherNode {
                directory,
                found,
                configured: node_id,
            });
        }
        return Ok(meta);
    }
    let meta = DirectoryMeta {
        directory_id: random_uuid(random),
        // Kafka's clients know a cluster by a text of this form.
        cluster_id: TopicId(random_uuid(random)).to_string(),
        node_id: node_id.0,
    };
    meta.write(disk, directory)?;
    tracing::info!(
        directory = %directory.display(), cluster = meta.cluster_id, node = %node_id,
        "a new directory, a new cluster",
    );
    Ok(meta)
}

pub(super) fn random_uuid(random: &mut Random) -> Uuid {
    uuid::Builder::from_random_bytes(random.bytes16()).into_uuid()
}

/// The metadata partition. It may begin empty only in a directory that holds no logs yet.
pub(super) fn metadata_partition(node_id: NodeId, birth: bool) -> PartitionSpec {
    PartitionSpec {
        topic: METADATA_TOPIC.into(),
        partition: 0,
        topic_id: METADATA_TOPIC_ID,
        group_id: METADATA_GROUP_ID,
        replicas: vec![node_id],
        birth,
        // It is never cut: every record of it counts.
        config: LogConfig {
            retention_ms: None,
            ..LogConfig::default()
        },
    }
}

/// Names the cluster if it has no name yet, and registers this broker in it.
pub(super) async fn join(
    metadata: &MetadataHandle,
    config: &Config,
    meta: &DirectoryMeta,
    advertised: &[(String, HostPort)],
    incarnation_id: Uuid,
) -> Result<(), StartError> {
    let agreed = SUPPORTED.iter().filter(|feature| feature.initial != 0);
    let features = agreed.map(|feature| (feature.name.to_owned(), feature.initial));
    let found = Found {
        cluster_id: meta.cluster_id.clone(),
        features: features.collect(),
    };
    decided(metadata.found(found).await)?;
    let endpoints = advertised.iter().map(|(name, address)| BrokerEndpoint {
        name: name.clone(),
        host: address.host.clone(),
        port: address.port,
        security_protocol: PLAINTEXT,
    });
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
    decided(metadata.register(registration).await)?;
    Ok(())
}

/// Kafka's number of the only protocol that is served.
const PLAINTEXT: i16 = 0;

fn decided<T>(answer: Result<Result<T, Refused>, ErrorCode>) -> Result<T, StartError> {
    match answer {
        Ok(Ok(decided)) => Ok(decided),
        Ok(Err(refused)) => Err(StartError::Refused(refused)),
        Err(code) => Err(StartError::Undecided(code)),
    }
}
