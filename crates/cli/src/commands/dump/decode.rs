//! Records of Kafka's own topics, by the decoders of the state machines that write them.

use clap::ValueEnum;
use ottla_coordinator::record as groups;
use ottla_metadata::record as metadata;
use ottla_protocol::NodeId;
use ottla_protocol::records::Record;
use ottla_transactions::record as transactions;
use serde_json::{Value, json};

/// What records are taken for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(super) enum Decode {
    /// What the folder's name says: __consumer_offsets-…, __transaction_state-… or __cluster_metadata-…
    Auto,
    /// Groups and their offsets
    Offsets,
    /// Transactional ids and how their transactions stand
    Transactions,
    /// The cluster's metadata
    Metadata,
}

impl Decode {
    /// The decoder for records of this folder, if its records have one.
    pub(super) fn of(self, folder: &str) -> Option<Decode> {
        match self {
            Decode::Auto if folder.starts_with("__consumer_offsets-") => Some(Decode::Offsets),
            Decode::Auto if folder.starts_with("__transaction_state-") => {
                Some(Decode::Transactions)
            }
            Decode::Auto if folder.starts_with("__cluster_metadata-") => Some(Decode::Metadata),
            Decode::Auto => None,
            chosen => Some(chosen),
        }
    }

    /// The record in words and as JSON; the error in words if it is no such record.
    pub(super) fn decode(self, record: &Record) -> Result<Value, String> {
        match self {
            Decode::Metadata => {
                let value = record.value.as_deref().unwrap_or_default();
                let decoded = metadata::decode(value).map_err(|error| error.to_string())?;
                Ok(metadata_json(&decoded))
            }
            Decode::Transactions => {
                let key = record.key.as_deref().unwrap_or_default();
                let decoded = transactions::decode(key, record.value.as_deref());
                match decoded.map_err(|error| error.to_string())? {
                    Some(decoded) => Ok(transaction_json(&decoded)),
                    None => Ok(json!({"type": "unknown"})),
                }
            }
            Decode::Auto | Decode::Offsets => {
                let key = record.key.as_deref().unwrap_or_default();
                let decoded = groups::decode(key, record.value.as_deref());
                match decoded.map_err(|error| error.to_string())? {
                    Some(decoded) => Ok(group_json(&decoded)),
                    None => Ok(json!({"type": "unknown"})),
                }
            }
        }
    }
}

fn group_json(record: &groups::Record) -> Value {
    match record {
        groups::Record::OffsetCommit { key, value } => offset_json(key, value.as_ref()),
        groups::Record::TransactionalOffset { key, value, .. } => offset_json(key, Some(value)),
        groups::Record::EndOfTransaction { marker, .. } => json!({
            "type": "end_of_transaction",
            "commits": marker.commits,
        }),
        groups::Record::GroupMetadata { group_id, value } => json!({
            "type": "group_metadata",
            "group": group_id,
            "value": value.as_ref().map(|value| json!({
                "protocol_type": value.protocol_type,
                "generation": value.generation,
                "protocol": value.protocol,
                "leader": value.leader,
                "current_state_timestamp": value.current_state_timestamp_ms,
                "members": value.members.iter().map(|member| json!({
                    "id": member.member_id,
                    "instance_id": member.instance_id,
                    "client_id": member.client_id,
                    "client_host": member.client_host,
                    "rebalance_timeout_ms": member.rebalance_timeout_ms,
                    "session_timeout_ms": member.session_timeout_ms,
                })).collect::<Vec<Value>>(),
            })),
        }),
    }
}

fn offset_json(key: &groups::OffsetCommitKey, value: Option<&groups::OffsetCommitValue>) -> Value {
    json!({
        "type": "offset_commit",
        "group": key.group_id,
        "topic": key.topic,
        "partition": key.partition,
        "value": value.map(|value| json!({
            "offset": value.offset,
            "leader_epoch": value.leader_epoch,
            "metadata": value.metadata,
            "commit_timestamp": value.commit_timestamp_ms,
            "expire_timestamp": value.expire_timestamp_ms,
            "topic_id": value.topic_id.to_string(),
        })),
    })
}

fn transaction_json(record: &transactions::Record) -> Value {
    let value = record.value.as_ref().map(|value| &value.transaction);
    json!({
        "type": "transaction",
        "transactional_id": record.transactional_id,
        "value": value.map(|it| json!({
            "producer_id": it.producer_id,
            "producer_epoch": it.producer_epoch,
            "state": it.phase.name(),
            "timeout_ms": it.timeout_ms,
            "partitions": it.partitions,
            "start_timestamp": it.started_ms,
            "last_update_timestamp": it.updated_ms,
        })),
    })
}

fn metadata_json(record: &metadata::Record) -> Value {
    match record {
        metadata::Record::Cluster(record) => json!({
            "type": "cluster",
            "cluster_id": record.cluster_id,
            "next_group_id": record.next_group_id,
        }),
        metadata::Record::FeatureLevel(record) => json!({
            "type": "feature_level",
            "name": record.name,
            "level": record.level,
        }),
        metadata::Record::RegisterBroker(record) => json!({
            "type": "register_broker",
            "broker": record.broker_id.0,
            "epoch": record.broker_epoch,
            "incarnation_id": record.incarnation_id.to_string(),
            "endpoints": record.endpoints.iter().map(|endpoint| {
                format!("{}://{}:{}", endpoint.name, endpoint.host, endpoint.port)
            }).collect::<Vec<String>>(),
            "rack": record.rack,
            "fenced": record.fenced,
        }),
        metadata::Record::BrokerRegistrationChange(record) => json!({
            "type": "broker_registration_change",
            "broker": record.broker_id.0,
            "epoch": record.broker_epoch,
            "fenced": record.fenced,
            "in_controlled_shutdown": record.in_controlled_shutdown,
        }),
        metadata::Record::UnregisterBroker(record) => json!({
            "type": "unregister_broker",
            "broker": record.broker_id.0,
            "epoch": record.broker_epoch,
        }),
        metadata::Record::Topic(record) => json!({
            "type": "topic",
            "name": record.name,
            "topic_id": record.topic_id.to_string(),
        }),
        metadata::Record::Partition(record) => json!({
            "type": "partition",
            "topic_id": record.topic_id.to_string(),
            "partition": record.partition,
            "replicas": nodes(&record.state.replicas),
            "adding": nodes(&record.state.adding),
            "removing": nodes(&record.state.removing),
            "emptied": nodes(&record.state.emptied),
            "group_id": record.state.group_id,
        }),
        metadata::Record::Config(record) => json!({
            "type": "config",
            "resource_type": record.resource_type,
            "resource": record.resource_name,
            "name": record.name,
            "value": record.value,
        }),
        metadata::Record::RemoveTopic(record) => json!({
            "type": "remove_topic",
            "topic_id": record.topic_id.to_string(),
        }),
        metadata::Record::ProducerIds(record) => json!({
            "type": "producer_ids",
            "broker": record.broker_id.0,
            "epoch": record.broker_epoch,
            "next_producer_id": record.next_producer_id,
        }),
    }
}

fn nodes(nodes: &[NodeId]) -> Vec<i32> {
    nodes.iter().map(|node| node.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_says_what_records_are_unless_the_flag_does() {
        assert_eq!(
            Decode::Auto.of("__consumer_offsets-7"),
            Some(Decode::Offsets)
        );
        assert_eq!(
            Decode::Auto.of("__cluster_metadata-0"),
            Some(Decode::Metadata)
        );
        assert_eq!(
            Decode::Auto.of("__transaction_state-4"),
            Some(Decode::Transactions)
        );
        assert_eq!(Decode::Auto.of("orders-0"), None);
        assert_eq!(Decode::Offsets.of("orders-0"), Some(Decode::Offsets));
    }

    #[test]
    fn what_is_no_such_record_is_told() {
        let record = Record {
            offset: 0,
            timestamp: 0,
            key: None,
            value: Some(bytes::Bytes::from_static(b"hello")),
            headers: Vec::new(),
        };
        assert!(Decode::Metadata.decode(&record).is_err());
        assert!(Decode::Offsets.decode(&record).is_err());
    }
}
