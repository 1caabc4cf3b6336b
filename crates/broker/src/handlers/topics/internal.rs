//! The topics that brokers keep for themselves: whoever needs one first has it created.

use std::future::Future;

use ottla_metadata::operations::{CreateTopics, NewTopic};
use ottla_metadata::topic_name::TRANSACTION_STATE;

use super::creation::create_and_settle;
use crate::config::InternalTopic;
use crate::context::Call;

/// Creates the topic of groups, or of transactions. Over when it is there, or cannot be had.
pub(crate) fn create_internal(call: Call<'_>, name: &str) -> impl Future<Output = ()> + use<> {
    let wanted = match name {
        TRANSACTION_STATE => call.broker.config.transactions_topic,
        _ => call.broker.config.offsets_topic,
    };
    let brokers = call.image().brokers().count();
    let replicas = wanted
        .replicas_max
        .min(i16::try_from(brokers).unwrap_or(i16::MAX));
    let topic = NewTopic {
        name: name.to_owned(),
        id: ottla_protocol::TopicId(call.broker.random_uuid()),
        num_partitions: wanted.partitions,
        replication_factor: replicas,
        assignments: Vec::new(),
        grows: true,
        configs: configs(name, wanted)
            .into_iter()
            .map(|(key, value)| (key.to_owned(), Some(value)))
            .collect(),
    };
    create_and_settle(
        call,
        CreateTopics {
            topics: vec![topic],
            validate_only: false,
            defaults: call.broker.defaults.current(),
        },
    )
}

/// What Kafka gives them.
fn configs(name: &str, wanted: InternalTopic) -> Vec<(&'static str, String)> {
    let mut configs = vec![
        ("cleanup.policy", "compact".to_owned()),
        ("segment.bytes", wanted.segment_bytes.to_string()),
    ];
    configs.push(match name {
        TRANSACTION_STATE => ("compression.type", "uncompressed".to_owned()),
        _ => ("compression.type", "producer".to_owned()),
    });
    if name == TRANSACTION_STATE {
        configs.push(("unclean.leader.election.enable", "false".to_owned()));
    }
    let min_in_sync = wanted.min_in_sync;
    configs.extend(min_in_sync.map(|count| ("min.insync.replicas", count.to_string())));
    configs
}
