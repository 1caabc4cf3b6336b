//! A Fetch request for the partitions of one leader, and what its response says about each.
//!
//! No fetch sessions: every request names all its partitions. The partitions of one consumer are few.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use ottla_protocol::messages::{BrokerId, FetchRequest, FetchResponse, TopicName};
use ottla_protocol::{ErrorCode, TopicId};

use super::config::ConsumerConfig;
use super::visible::Aborted;
use crate::cluster::{Broker, ClusterView, LeaderHint};
use crate::connection::Connection;
use crate::error::ConnectionError;
use crate::partition::{Isolation, TopicPartition};
use crate::wire::text;

/// The first version that names topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 13;
/// The session epoch of a request outside any session.
const NO_SESSION_EPOCH: i32 = -1;

/// A partition to fetch, and from where.
pub(super) type Asked = Vec<(TopicPartition, i64)>;

/// What a response says about one partition.
#[derive(Clone, Debug)]
pub(super) struct PartitionAnswer {
    pub(super) code: ErrorCode,
    pub(super) high_watermark: i64,
    pub(super) last_stable_offset: i64,
    pub(super) log_start_offset: i64,
    pub(super) aborted: Vec<Aborted>,
    pub(super) records: Bytes,
}

/// What a response says about all partitions, and the leaders that it points to.
#[derive(Debug, Default)]
pub(super) struct Answers {
    pub(super) partitions: BTreeMap<TopicPartition, PartitionAnswer>,
    pub(super) hints: Vec<(TopicPartition, LeaderHint)>,
}

/// Fetches from one leader, once.
pub(super) async fn fetch(
    connection: Connection,
    view: Arc<ClusterView>,
    config: ConsumerConfig,
    asked: Asked,
) -> (Asked, Result<Answers, ConnectionError>) {
    let answers = exchange(&connection, &view, &config, &asked).await;
    (asked, answers)
}

async fn exchange(
    connection: &Connection,
    view: &ClusterView,
    config: &ConsumerConfig,
    asked: &Asked,
) -> Result<Answers, ConnectionError> {
    let topics = by_topic(view, config, asked);
    let ids = topics
        .iter()
        .map(|topic| (TopicId(topic.topic_id), Arc::from(topic.topic.0.as_str())))
        .collect();
    let mut version = connection.versions().pick::<FetchRequest>()?;
    if topics.iter().any(|topic| topic.topic_id.is_nil()) {
        version = version.min(FIRST_WITH_TOPIC_IDS - 1);
    }
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(i32::try_from(config.max_wait.as_millis()).unwrap_or(i32::MAX))
        .with_min_bytes(config.min_bytes)
        .with_max_bytes(config.fetch_bytes_max)
        .with_isolation_level(config.isolation.level())
        .with_session_id(0)
        .with_session_epoch(NO_SESSION_EPOCH)
        .with_topics(topics);
    let pending = connection.send(&request, version).await?;
    let response = pending.allow(config.max_wait).response().await?;
    Ok(answers(&response, &ids, config.isolation, asked))
}

fn by_topic(view: &ClusterView, config: &ConsumerConfig, asked: &Asked) -> Vec<FetchTopic> {
    let mut topics: Vec<FetchTopic> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for (partition, offset) in asked {
        let known = view.partition(&partition.topic, partition.partition);
        let fetch = FetchPartition::default()
            .with_partition(partition.partition)
            .with_current_leader_epoch(known.map_or(-1, |known| known.leader_epoch))
            .with_fetch_offset(*offset)
            .with_last_fetched_epoch(-1)
            .with_log_start_offset(-1)
            .with_partition_max_bytes(config.partition_bytes_max);
        // Topics keep the order of the partitions asked for: the first is served first.
        let place = *places.entry(&partition.topic).or_insert_with(|| {
            let id = view
                .topics
                .get(&partition.topic)
                .map_or(TopicId::ZERO, |topic| topic.id);
            let topic = FetchTopic::default()
                .with_topic(TopicName(text(&partition.topic)))
                .with_topic_id(id.0);
            topics.push(topic);
            topics.len() - 1
        });
        topics[place].partitions.push(fetch);
    }
    topics
}

fn answers(
    response: &FetchResponse,
    ids: &BTreeMap<TopicId, Arc<str>>,
    isolation: Isolation,
    asked: &Asked,
) -> Answers {
    let mut answers = Answers::default();
    let whole = ErrorCode::from_code(response.error_code);
    if whole != ErrorCode::None {
        let refused = asked
            .iter()
            .map(|(partition, _)| (partition.clone(), refusal(whole)));
        answers.partitions.extend(refused);
        return answers;
    }
    for topic in &response.responses {
        let Some(name) = name_of(topic, ids) else {
            continue;
        };
        for data in &topic.partitions {
            let partition = TopicPartition::new(name.clone(), data.partition_index);
            answers
                .hints
                .extend(hint(response, data).map(|hint| (partition.clone(), hint)));
            answers
                .partitions
                .insert(partition, answer(data, isolation));
        }
    }
    answers
}

fn name_of(topic: &FetchableTopicResponse, ids: &BTreeMap<TopicId, Arc<str>>) -> Option<Arc<str>> {
    if topic.topic_id.is_nil() {
        return Some(Arc::from(topic.topic.0.as_str()));
    }
    ids.get(&TopicId(topic.topic_id)).cloned()
}

fn answer(data: &PartitionData, isolation: Isolation) -> PartitionAnswer {
    let aborted = match (isolation, &data.aborted_transactions) {
        (Isolation::ReadCommitted, Some(aborted)) => aborted
            .iter()
            .map(|aborted| Aborted {
                producer_id: aborted.producer_id.0,
                first_offset: aborted.first_offset,
            })
            .collect(),
        _ => Vec::new(),
    };
    PartitionAnswer {
        code: ErrorCode::from_code(data.error_code),
        high_watermark: data.high_watermark,
        last_stable_offset: data.last_stable_offset,
        log_start_offset: data.log_start_offset,
        aborted,
        records: data.records.clone().unwrap_or_default(),
    }
}

fn refusal(code: ErrorCode) -> PartitionAnswer {
    PartitionAnswer {
        code,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        aborted: Vec::new(),
        records: Bytes::new(),
    }
}

/// Who leads the partition now, if the refusing broker knows (KIP-951).
fn hint(response: &FetchResponse, data: &PartitionData) -> Option<LeaderHint> {
    let leader = &data.current_leader;
    let endpoint = response
        .node_endpoints
        .iter()
        .find(|node| node.node_id == leader.leader_id)?;
    Some(LeaderHint {
        leader: Broker::new(
            endpoint.node_id,
            &endpoint.host,
            endpoint.port,
            endpoint.rack.as_ref(),
        ),
        epoch: leader.leader_epoch,
    })
}
