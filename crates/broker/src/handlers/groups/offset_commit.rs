//! OffsetCommit: how far a group, or a consumer without one, has read.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{CommitPartition, CommitTopic, CommittedTopic, OffsetCommit};
use ottla_metadata::image::Image;
use ottla_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use ottla_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use ottla_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, StrBytes};
use ottla_protocol::{ErrorCode, TopicId};

use super::topics::{Results, TopicRef, has_partition};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that name topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 10;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, OffsetCommitRequest(request): OffsetCommitRequest) -> Reply {
    let version = call.version();
    let group_id = request.group_id.to_string();
    let allowed = call.may(Operation::Read, Resource::Group(&group_id));
    let image = call.image();
    let mut results = Results::default();
    let mut topics = Vec::new();
    for topic in request.topics {
        let named = named(&topic, version);
        if allowed {
            topics.extend(judge(call, &image, &named, topic, &mut results));
        } else {
            let code = ErrorCode::GroupAuthorizationFailed;
            refuse_all(&named, &topic, code, &mut results);
        }
    }
    if topics.is_empty() {
        return Reply::now(response(results));
    }
    let asked = topics.clone();
    let input = Input::OffsetCommit(OffsetCommit {
        version,
        group_id: group_id.clone(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        retention_time_ms: request.retention_time_ms,
        topics,
    });
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::OffsetCommit(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        match decision.await {
            Ok(Ok(committed)) => note(committed, version, &mut results),
            Ok(Err(code)) | Err(code) => note_refusal(asked, code, version, &mut results),
        }
        response(results)
    })
}

fn named(topic: &OffsetCommitRequestTopic, version: i16) -> TopicRef {
    reference(version, topic.name.as_str(), TopicId(topic.topic_id))
}

fn reference(version: i16, name: &str, id: TopicId) -> TopicRef {
    if version >= FIRST_WITH_TOPIC_IDS {
        TopicRef::Id(id)
    } else {
        TopicRef::Name(name.to_owned())
    }
}

fn refuse_all(
    named: &TopicRef,
    topic: &OffsetCommitRequestTopic,
    code: ErrorCode,
    results: &mut Results,
) {
    for partition in &topic.partitions {
        results.add(named, partition.partition_index, code);
    }
}

/// What of a topic can be committed; the rest has its result.
fn judge(
    call: Call<'_>,
    image: &Image,
    named: &TopicRef,
    topic: OffsetCommitRequestTopic,
    results: &mut Results,
) -> Option<CommitTopic> {
    let found = match named.find(call, image, Operation::Read) {
        Ok(found) => found,
        Err(code) => {
            refuse_all(named, &topic, code, results);
            return None;
        }
    };
    let mut partitions = Vec::new();
    for partition in topic.partitions {
        let number = partition.partition_index;
        if !has_partition(found, number) {
            results.add(named, number, ErrorCode::UnknownTopicOrPartition);
            continue;
        }
        partitions.push(CommitPartition {
            partition: number,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.committed_metadata.map(|text| text.to_string()),
        });
    }
    (!partitions.is_empty()).then(|| CommitTopic {
        name: found.name.to_string(),
        topic_id: found.id,
        partitions,
    })
}

fn note(committed: Vec<CommittedTopic>, version: i16, results: &mut Results) {
    for topic in committed {
        let named = reference(version, &topic.name, topic.topic_id);
        for one in topic.partitions {
            results.add(&named, one.partition, one.error);
        }
    }
}

fn note_refusal(asked: Vec<CommitTopic>, code: ErrorCode, version: i16, results: &mut Results) {
    for topic in asked {
        let named = reference(version, &topic.name, topic.topic_id);
        for one in topic.partitions {
            results.add(&named, one.partition, code);
        }
    }
}

fn response(results: Results) -> OffsetCommitResponse {
    let topics = results.into_topics().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|(number, code)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(number)
                .with_error_code(code.code())
        });
        let answer = OffsetCommitResponseTopic::default().with_partitions(partitions.collect());
        match topic {
            TopicRef::Name(name) => answer.with_name(StrBytes::from_string(name).into()),
            TopicRef::Id(id) => answer.with_topic_id(id.0),
        }
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}
