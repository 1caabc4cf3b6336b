//! DescribeTopicPartitions: topics and their partitions, page by page.
//!
//! Topics come in order of their names. A page holds a limited number of partitions; its cursor says
//! where the next one begins.

use std::collections::BTreeSet;

use ottla_metadata::image::{Image, Topic};
use ottla_metadata::topic_name::{TopicName, is_internal};
use ottla_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use ottla_protocol::messages::{
    DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, StrBytes,
};
use ottla_protocol::{ErrorCode, TopicId};

use super::view;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeTopicPartitionsRequest) -> Reply {
    let image = call.image();
    let asked = usize::try_from(request.response_partition_limit).unwrap_or(0);
    let most = call.broker.config.fetch.described_partitions_max;
    let start = match Start::of(&request) {
        Ok(start) => start,
        Err(code) => return Reply::now(refused(request, code)),
    };
    let mut page = Page::new(call, &image, asked.min(most).max(1));
    if request.topics.is_empty() {
        for topic in image.topics_from(&start.topic) {
            let allowed = may_describe(call, &topic.name);
            if allowed && !page.take(topic, start.partition_of(&topic.name)) {
                break;
            }
        }
    } else {
        page.take_named(&request, &start);
    }
    Reply::now(page.response)
}

/// Where a page begins.
struct Start {
    topic: String,
    partition: usize,
}

impl Start {
    fn of(request: &DescribeTopicPartitionsRequest) -> Result<Start, ErrorCode> {
        let Some(cursor) = &request.cursor else {
            return Ok(Start {
                topic: String::new(),
                partition: 0,
            });
        };
        let is_asked = request
            .topics
            .iter()
            .any(|topic| topic.name == cursor.topic_name);
        if !request.topics.is_empty() && !is_asked {
            return Err(ErrorCode::InvalidRequest);
        }
        let partition =
            usize::try_from(cursor.partition_index).map_err(|_| ErrorCode::InvalidRequest)?;
        Ok(Start {
            topic: cursor.topic_name.to_string(),
            partition,
        })
    }

    fn partition_of(&self, topic: &str) -> usize {
        if topic == self.topic {
            self.partition
        } else {
            0
        }
    }
}

fn may_describe(call: Call<'_>, name: &str) -> bool {
    call.may(Operation::Describe, Resource::Topic(name))
}

/// The whole request refused: every topic with the error.
fn refused(
    request: DescribeTopicPartitionsRequest,
    code: ErrorCode,
) -> DescribeTopicPartitionsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        DescribeTopicPartitionsResponseTopic::default()
            .with_error_code(code.code())
            .with_name(Some(topic.name))
    });
    DescribeTopicPartitionsResponse::default().with_topics(topics.collect())
}

/// A page under way.
struct Page<'a> {
    call: Call<'a>,
    image: &'a Image,
    room: usize,
    response: DescribeTopicPartitionsResponse,
}

impl<'a> Page<'a> {
    fn new(call: Call<'a>, image: &'a Image, room: usize) -> Self {
        Page {
            call,
            image,
            room,
            response: DescribeTopicPartitionsResponse::default(),
        }
    }

    fn take_named(&mut self, request: &DescribeTopicPartitionsRequest, start: &Start) {
        let names: BTreeSet<&str> = request
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .collect();
        let mut hidden = Vec::new();
        for name in names.range(start.topic.as_str()..) {
            if !may_describe(self.call, name) {
                hidden.push(failed(ErrorCode::TopicAuthorizationFailed, name));
                continue;
            }
            let taken = match self.image.topic(name) {
                Some(topic) => self.take(topic, start.partition_of(name)),
                None => self.take_missing(name),
            };
            if !taken {
                break;
            }
        }
        self.response.topics.extend(hidden);
    }

    /// Adds a topic from a partition on; `false` when the page is full.
    fn take(&mut self, topic: &Topic, first: usize) -> bool {
        if self.room == 0 {
            self.end_before(&topic.name, 0);
            return false;
        }
        let end = topic.partitions.len().min(first.saturating_add(self.room));
        let partitions: Vec<_> = (first..end)
            .map(|number| self.partition(topic, number))
            .collect();
        self.room -= partitions.len();
        let operations = self.call.allowed_operations(Resource::Topic(&topic.name));
        self.response.topics.push(
            DescribeTopicPartitionsResponseTopic::default()
                .with_name(Some(StrBytes::from_string(topic.name.to_string()).into()))
                .with_topic_id(topic.id.0)
                .with_is_internal(is_internal(&topic.name))
                .with_partitions(partitions)
                .with_topic_authorized_operations(operations),
        );
        if end < topic.partitions.len() {
            self.end_before(&topic.name, end);
            return false;
        }
        true
    }

    fn take_missing(&mut self, name: &str) -> bool {
        if self.room == 0 {
            self.end_before(name, 0);
            return false;
        }
        let code = match TopicName::parse(name) {
            Ok(_) => ErrorCode::UnknownTopicOrPartition,
            Err(_) => ErrorCode::InvalidTopicException,
        };
        let operations = self.call.allowed_operations(Resource::Topic(name));
        let topic = failed(code, name).with_topic_authorized_operations(operations);
        self.response.topics.push(topic);
        true
    }

    fn end_before(&mut self, topic: &str, partition: usize) {
        let index = i32::try_from(partition).expect("partitions are counted in i32");
        let cursor = Cursor::default()
            .with_topic_name(StrBytes::from_string(topic.to_owned()).into())
            .with_partition_index(index);
        self.response.next_cursor = Some(cursor);
    }

    fn partition(&self, topic: &Topic, number: usize) -> DescribeTopicPartitionsResponsePartition {
        let index = i32::try_from(number).expect("partitions are counted in i32");
        let partition = &topic.partitions[number];
        let view = view::partition(self.call, self.image, topic, index, partition);
        DescribeTopicPartitionsResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(view.leader)
            .with_leader_epoch(view.leader_epoch)
            .with_replica_nodes(view.replicas)
            .with_isr_nodes(view.in_sync)
            .with_offline_replicas(view.offline)
            .with_eligible_leader_replicas(Some(Vec::new()))
            .with_last_known_elr(Some(Vec::new()))
    }
}

fn failed(code: ErrorCode, name: &str) -> DescribeTopicPartitionsResponseTopic {
    DescribeTopicPartitionsResponseTopic::default()
        .with_error_code(code.code())
        .with_name(Some(StrBytes::from_string(name.to_owned()).into()))
        .with_topic_id(TopicId::ZERO.0)
        .with_is_internal(is_internal(name))
}
