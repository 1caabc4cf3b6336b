//! OffsetCommit: how far a group, or a consumer without one, has read.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{CommitPartition, OffsetCommit};
use ottla_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use ottla_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use ottla_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, StrBytes};
use ottla_protocol::{ErrorCode, TopicId};

use super::commits;
use super::topics::{Results, TopicRef};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that name topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 10;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, OffsetCommitRequest(request): OffsetCommitRequest) -> Reply {
    let version = call.version();
    let by_id = version >= FIRST_WITH_TOPIC_IDS;
    let group_id = request.group_id.to_string();
    let allowed = call.may(Operation::Read, Resource::Group(&group_id));
    let image = call.image();
    let mut results = Results::default();
    let mut topics = Vec::new();
    for topic in request.topics {
        let named = TopicRef::of(by_id, topic.name.as_str(), TopicId(topic.topic_id));
        if allowed {
            let asked = topic.partitions.into_iter().map(partition);
            topics.extend(commits::judge(call, &image, &named, asked, &mut results));
        } else {
            refuse_all(&named, &topic, &mut results);
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
        transaction: None,
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
            Ok(Ok(committed)) => commits::note(committed, by_id, &mut results),
            Ok(Err(code)) | Err(code) => {
                commits::note_refusal(asked, code, by_id, &mut results);
            }
        }
        response(results)
    })
}

fn refuse_all(named: &TopicRef, topic: &OffsetCommitRequestTopic, results: &mut Results) {
    for partition in &topic.partitions {
        let code = ErrorCode::GroupAuthorizationFailed;
        results.add(named, partition.partition_index, code);
    }
}

fn partition(asked: OffsetCommitRequestPartition) -> CommitPartition {
    CommitPartition {
        partition: asked.partition_index,
        offset: asked.committed_offset,
        leader_epoch: asked.committed_leader_epoch,
        metadata: asked.committed_metadata.map(|text| text.to_string()),
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
