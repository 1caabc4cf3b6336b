//! Produce: each batch is checked and proposed in the order in which requests arrived; what the
//! client is told waits for the commit.
//!
//! A transaction's first batch for a partition waits until the transaction's coordinator knows of it, and the later ones
//! behind it.
//!
//! With acks=0 nothing is sent back, and an error closes the connection, which is how its producer
//! learns of it. acks=1 and acks=all wait for the same commit while a partition has one replica.

use std::time::Duration;

use ottla_metadata::image::{Image, Topic};
use ottla_metadata::topic_name::is_internal;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, TopicProduceResponse,
};
use ottla_protocol::messages::{ProduceRequest, ProduceResponse, StrBytes};
use ottla_protocol::records::check;
use ottla_replication::{AppendError, Appended};
use tokio::time::{Instant, timeout_at};

use super::acks::{self, MoreReplicas};
use super::hints;
use super::placement::{has_partition, leads, replica};
use super::transactional::{self, Sent};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::errors::{ProduceError, append_error};
use crate::leader::Hints;
use crate::limits::LEADER_KNOWN_MAX;
use crate::net::{Answer, Reply};

/// Versions that name topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 13;
/// Versions that can be told who leads.
const FIRST_WITH_LEADERS: i16 = 10;
/// Producers who wait for all replicas.
const ACKS_ALL: i16 = -1;
/// Versions that have a place for messages and for the records to blame.
const FIRST_WITH_RECORD_ERRORS: i16 = 8;
/// Versions whose client may use zstd.
const FIRST_WITH_ZSTD: i16 = 7;
/// What admin tools call themselves; they may write to internal topics.
const ADMIN_CLIENT_ID: &str = "__admin_client";

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ProduceRequest) -> Reply {
    let acks = request.acks;
    let deadline = deadline(request.timeout_ms);
    let mut pending = Pending {
        acks,
        response: ProduceResponse::default(),
        waiting: Vec::new(),
        hints: (call.version() >= FIRST_WITH_LEADERS).then(|| Hints::new(call)),
    };
    let writing = transactional::transactional_id(call, &request);
    let refusal = writing.as_ref().err().copied();
    let terms = Terms {
        acks,
        refusal: refusal.or_else(|| acks_refusal(acks)),
        transactional_id: writing.ok().flatten(),
    };
    let image = call.image();
    for topic in request.topic_data {
        pending.take_topic(call, &image, topic, &terms);
    }
    if pending.waiting.is_empty() && !pending.lacks_leaders() {
        return Reply::Now(pending.answer());
    }
    Reply::Later(Box::pin(pending.finish(deadline)))
}

fn deadline(timeout_ms: i32) -> Instant {
    Instant::now() + Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}

fn acks_refusal(acks: i16) -> Option<ErrorCode> {
    (!matches!(acks, -1..=1)).then_some(ErrorCode::InvalidRequiredAcks)
}

/// What holds for all partitions of a request.
struct Terms {
    acks: i16,
    /// Why none of them is taken, if so.
    refusal: Option<ErrorCode>,
    /// Whose transaction its transactional batches are part of.
    transactional_id: Option<String>,
}

/// A request whose batches are under way.
struct Pending {
    acks: i16,
    /// Holds the final answer of partitions that have one, and a place for each of the others.
    response: ProduceResponse,
    waiting: Vec<Waiting>,
    /// For versions that have a place for them.
    hints: Option<Hints>,
}

struct Waiting {
    topic: usize,
    partition: usize,
    proposed: Proposed,
}

/// A batch under way.
struct Proposed {
    sent: Sent,
    /// Who else is to have it, once it is committed.
    more: Option<MoreReplicas>,
    /// What a refusal tells beside its code.
    log_start_offset: i64,
}

impl Pending {
    fn take_topic(&mut self, call: Call<'_>, image: &Image, data: TopicProduceData, terms: &Terms) {
        let mut answers = TopicProduceResponse::default()
            .with_name(data.name.clone())
            .with_topic_id(data.topic_id);
        let found = find_topic(call, image, &data);
        for partition in data.partition_data {
            let index = partition.index;
            let proposed = match (&found, terms.refusal) {
                (Err(code), _) => Err(ProduceError::from(*code)),
                (Ok(_), Some(code)) => Err(code.into()),
                (Ok(topic), None) => propose(call, topic, partition, terms),
            };
            let nowhere = PartitionProduceResponse::default().with_base_offset(-1);
            let mut answer = nowhere.with_index(index);
            match proposed {
                Ok(proposed) => self.waiting.push(Waiting {
                    topic: self.response.responses.len(),
                    partition: answers.partition_responses.len(),
                    proposed,
                }),
                Err(error) => refuse(&mut answer, error, call.version()),
            }
            answers.partition_responses.push(answer);
        }
        self.response.responses.push(answers);
    }

    async fn finish(mut self, deadline: Instant) -> Answer {
        for waiting in std::mem::take(&mut self.waiting) {
            let topic = &mut self.response.responses[waiting.topic];
            let answer = &mut topic.partition_responses[waiting.partition];
            let Proposed {
                sent,
                more,
                log_start_offset,
            } = waiting.proposed;
            match timeout_at(deadline, sent.appended()).await {
                Ok(Err(code)) => answer.error_code = code.code(),
                Ok(Ok(Ok(appended))) => {
                    let waited = match more {
                        Some(more) => more.wait(deadline).await,
                        None => Ok(()),
                    };
                    match waited {
                        Ok(()) => accept(answer, appended),
                        Err(code) => answer.error_code = code.code(),
                    }
                }
                Ok(Ok(Err(error))) => {
                    answer.error_code = append_error(&error).code();
                    if let AppendError::Rejected(_) = error {
                        answer.log_start_offset = log_start_offset;
                    }
                }
                Err(_elapsed) => answer.error_code = ErrorCode::RequestTimedOut.code(),
            }
        }
        if self.lacks_leaders()
            && let Some(hints) = &self.hints
        {
            let deadline = deadline.min(Instant::now() + LEADER_KNOWN_MAX);
            hints::leaders_known(hints, &self.response, deadline).await;
        }
        self.answer()
    }

    /// Whether it would help the client to wait until it is known who leads.
    fn lacks_leaders(&self) -> bool {
        let hints = self.hints.as_ref().filter(|_| self.acks != 0);
        hints.is_some_and(|hints| hints::lacks_leaders(hints, &self.response))
    }

    fn answer(mut self) -> Answer {
        if self.acks != 0 {
            if let Some(hints) = &self.hints {
                hints::tell_producer(hints, &mut self.response);
            }
            return Answer::Response(self.response.into());
        }
        let mut answers = self
            .response
            .responses
            .iter()
            .flat_map(|topic| &topic.partition_responses);
        if answers.all(|answer| answer.error_code == ErrorCode::None.code()) {
            Answer::Silence
        } else {
            Answer::Hangup
        }
    }
}

fn find_topic<'i>(
    call: Call<'_>,
    image: &'i Image,
    data: &TopicProduceData,
) -> Result<&'i Topic, ErrorCode> {
    let by_id = call.version() >= FIRST_WITH_TOPIC_IDS;
    let found = if by_id {
        Some(
            image
                .topic_by_id(data.topic_id.into())
                .ok_or(ErrorCode::UnknownTopicId)?,
        )
    } else {
        image.topic(&data.name)
    };
    // Whether a topic that may not be written to exists is nobody's business.
    let name: &str = found.map_or(&data.name, |topic| &topic.name);
    if !call.may(Operation::Write, Resource::Topic(name)) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let topic = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let is_admin = call.header.client_id.as_deref() == Some(ADMIN_CLIENT_ID);
    if is_internal(&topic.name) && !is_admin {
        return Err(ErrorCode::InvalidTopicException);
    }
    Ok(topic)
}

fn propose(
    call: Call<'_>,
    topic: &Topic,
    data: PartitionProduceData,
    terms: &Terms,
) -> Result<Proposed, ProduceError> {
    if !has_partition(topic, data.index) {
        return Err(ErrorCode::UnknownTopicOrPartition.into());
    }
    let replica = replica(call, topic, data.index)?;
    leads(&replica)?;
    let more = match terms.acks {
        ACKS_ALL => acks::check(call, topic, data.index, &replica)?,
        _ => None,
    };
    let records = data.records.unwrap_or_default();
    let rules = replica.settings.check_rules(
        call.broker.clock.now_ms(),
        call.version() >= FIRST_WITH_ZSTD,
    );
    let log_start_offset = replica.partition.watermarks().log_start_offset;
    let batch =
        check(records, &rules).map_err(|error| ProduceError::of(error, log_start_offset))?;
    if batch.batch().size_bytes() > replica.settings.segment_bytes() {
        return Err(ErrorCode::RecordListTooLarge.into());
    }
    let sent = match &terms.transactional_id {
        Some(id) if batch.batch().header.attributes.is_transactional() => {
            transactional::send(call, topic, data.index, &replica.partition, id, batch)?
        }
        _ => Sent::At(replica.partition.propose(batch, None)),
    };
    Ok(Proposed {
        sent,
        more,
        log_start_offset,
    })
}

fn accept(answer: &mut PartitionProduceResponse, appended: Appended) {
    answer.base_offset = appended.base_offset;
    answer.log_append_time_ms = appended.log_append_time_ms;
    answer.log_start_offset = appended.log_start_offset;
}

fn refuse(answer: &mut PartitionProduceResponse, error: ProduceError, version: i16) {
    answer.error_code = error.code.code();
    answer.log_start_offset = error.log_start_offset;
    if version < FIRST_WITH_RECORD_ERRORS {
        return;
    }
    answer.error_message = error.message.map(StrBytes::from_string);
    answer.record_errors = error
        .records
        .into_iter()
        .map(|record| {
            BatchIndexAndErrorMessage::default()
                .with_batch_index(record.batch_index)
                .with_batch_index_error_message(Some(StrBytes::from_string(record.message)))
        })
        .collect();
}
