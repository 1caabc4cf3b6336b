//! One Produce request and what its response says about each batch.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use ottla_protocol::messages::{ProduceRequest, ProduceResponse};
use ottla_protocol::{ErrorCode, TopicId};

use super::accumulator::Taken;
use super::batch::Appended;
use super::config::{Acks, ProducerConfig};
use super::queue::Answer;
use super::request::{FIRST_WITH_TOPIC_IDS, ProduceBody, TopicBatches};
use crate::cluster::{Broker, ClusterView, LeaderHint};
use crate::connection::{Connection, Pending};
use crate::error::ConnectionError;
use crate::partition::TopicPartition;

/// The batches of one request with their answers, and the leaders that the broker pointed to.
#[derive(Default)]
pub(super) struct Exchange {
    pub(super) answers: Vec<(Taken, Answer)>,
    pub(super) hints: Vec<(TopicPartition, LeaderHint)>,
}

/// Sends the batches as one request. The future gives the answers; an `Err` has them already.
pub(super) fn begin(
    connection: &Connection,
    view: &ClusterView,
    config: &ProducerConfig,
    timeout: Duration,
    batches: Vec<Taken>,
) -> Result<impl Future<Output = Exchange> + Send + 'static, Exchange> {
    let mut done = Exchange::default();
    let (topics, sent) = build(view, batches, &mut done);
    if sent.is_empty() {
        return Err(done);
    }
    let acks = config.acks;
    match write(connection, acks, timeout, &topics) {
        Ok(pending) => Ok(async move {
            let ids = topics
                .iter()
                .map(|topic| (topic.id, topic.name.clone()))
                .collect();
            done.take_response(pending, acks, ids, sent).await;
            done
        }),
        Err(error) => {
            let not_sent = |taken| (taken, Answer::NotSent(error.to_string()));
            done.answers.extend(sent.into_iter().map(not_sent));
            Err(done)
        }
    }
}

/// Makes bytes of the batches, by topic. What cannot be made into bytes has its answer.
fn build(
    view: &ClusterView,
    batches: Vec<Taken>,
    done: &mut Exchange,
) -> (Vec<TopicBatches>, Vec<Taken>) {
    let mut topics: BTreeMap<Arc<str>, TopicBatches> = BTreeMap::new();
    let mut sent = Vec::with_capacity(batches.len());
    for mut taken in batches {
        let batch = match taken.batch.built() {
            Ok(batch) => batch,
            Err(error) => {
                done.answers.push((taken, Answer::Unsendable(error)));
                continue;
            }
        };
        let partition = taken.batch.partition();
        let topic = topics
            .entry(partition.topic.clone())
            .or_insert_with(|| TopicBatches {
                name: partition.topic.clone(),
                id: view
                    .topics
                    .get(&partition.topic)
                    .map_or(TopicId::ZERO, |topic| topic.id),
                partitions: Vec::new(),
            });
        topic.partitions.push((partition.partition, batch));
        sent.push(taken);
    }
    (topics.into_values().collect(), sent)
}

fn write(
    connection: &Connection,
    acks: Acks,
    timeout: Duration,
    topics: &[TopicBatches],
) -> Result<Pending<ProduceRequest>, ConnectionError> {
    let mut version = connection.versions().pick::<ProduceRequest>()?;
    if topics.iter().any(|topic| topic.id.is_zero()) {
        version = version.min(FIRST_WITH_TOPIC_IDS - 1);
    }
    // The broker's answer must have time to arrive before this side gives up.
    let broker_timeout = timeout.saturating_sub(Duration::from_millis(500));
    let body = ProduceBody {
        acks: acks.code(),
        timeout_ms: i32::try_from(broker_timeout.as_millis()).unwrap_or(i32::MAX),
        topics,
    };
    let encode =
        |correlation_id, client_id: &str| Ok(body.frame(version, correlation_id, client_id));
    match acks {
        Acks::None => connection.try_send_unanswered_frame(version, encode),
        Acks::Leader | Acks::All => connection.try_send_frame(version, encode),
    }
}

impl Exchange {
    async fn take_response(
        &mut self,
        pending: Pending<ProduceRequest>,
        acks: Acks,
        ids: BTreeMap<TopicId, Arc<str>>,
        sent: Vec<Taken>,
    ) {
        let response = match acks {
            Acks::None => pending.frame().await.map(|_| None),
            Acks::Leader | Acks::All => pending.response().await.map(Some),
        };
        match response {
            Ok(Some(response)) => self.take_answers(&response, &ids, sent),
            Ok(None) => {
                let written = |taken| (taken, Answer::Appended(Appended::SOMEWHERE));
                self.answers.extend(sent.into_iter().map(written));
            }
            Err(error) => {
                let lost = |taken| (taken, Answer::Lost(error.to_string()));
                self.answers.extend(sent.into_iter().map(lost));
            }
        }
    }

    fn take_answers(
        &mut self,
        response: &ProduceResponse,
        ids: &BTreeMap<TopicId, Arc<str>>,
        sent: Vec<Taken>,
    ) {
        let mut told = BTreeMap::new();
        for topic in &response.responses {
            let Some(name) = name_of(topic, ids) else {
                continue;
            };
            for partition in &topic.partition_responses {
                let key = TopicPartition::new(name.clone(), partition.index);
                self.hints
                    .extend(hint(response, partition).map(|hint| (key.clone(), hint)));
                told.insert(key, partition);
            }
        }
        for taken in sent {
            let answer = match told.get(taken.batch.partition()) {
                Some(partition) => answer(partition),
                None => Answer::Lost("the response says nothing about it".to_owned()),
            };
            self.answers.push((taken, answer));
        }
    }
}

/// The topic's name, which newer responses give as an id only.
fn name_of(topic: &TopicProduceResponse, ids: &BTreeMap<TopicId, Arc<str>>) -> Option<Arc<str>> {
    if topic.topic_id.is_nil() {
        return Some(Arc::from(topic.name.0.as_str()));
    }
    ids.get(&TopicId(topic.topic_id)).cloned()
}

fn answer(partition: &PartitionProduceResponse) -> Answer {
    match ErrorCode::from_code(partition.error_code) {
        ErrorCode::None => Answer::Appended(Appended {
            base_offset: Some(partition.base_offset).filter(|&offset| offset >= 0),
            log_append_time_ms: Some(partition.log_append_time_ms).filter(|&time| time >= 0),
        }),
        code => {
            let of_a_record = partition
                .record_errors
                .iter()
                .find_map(|error| error.batch_index_error_message.as_ref());
            let detail = partition.error_message.as_ref().or(of_a_record);
            Answer::Refused {
                code,
                detail: detail.map(|text| text.to_string()),
            }
        }
    }
}

/// Who leads the partition now, if the refusing broker knows (KIP-951).
fn hint(response: &ProduceResponse, partition: &PartitionProduceResponse) -> Option<LeaderHint> {
    let leader = &partition.current_leader;
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

/// The topic whose metadata an answer puts in doubt.
pub(super) fn topic_in_doubt(taken: &Taken, answer: &Answer) -> Option<Arc<str>> {
    let is_in_doubt = match answer {
        Answer::Appended(_) | Answer::Unsendable(_) => false,
        Answer::Lost(_) | Answer::NotSent(_) => true,
        Answer::Refused { code, .. } => matches!(
            code,
            ErrorCode::NotLeaderOrFollower
                | ErrorCode::LeaderNotAvailable
                | ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::KafkaStorageError
                | ErrorCode::FencedLeaderEpoch
                | ErrorCode::ReplicaNotAvailable
        ),
    };
    is_in_doubt.then(|| taken.batch.partition().topic.clone())
}
