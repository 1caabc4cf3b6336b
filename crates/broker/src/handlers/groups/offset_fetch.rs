//! OffsetFetch: what groups have committed. One group until version 7, several from then on.

use std::future::Future;
use std::sync::Arc;

use futures::future::join_all;
use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{FetchTopic, FetchedPartition, FetchedTopic, OffsetFetch};
use ottla_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use ottla_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use ottla_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, StrBytes};
use ottla_protocol::{ErrorCode, TopicId};

use super::topics::TopicRef;
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::net::{Peer, Reply};

/// Versions that have a place for what is wrong with the group.
const FIRST_WITH_GROUP_ERROR: i16 = 2;
/// Versions that ask about several groups.
const FIRST_WITH_GROUPS: i16 = 8;
/// Versions that name topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 10;
/// What stands where nothing is committed.
const NOTHING: i64 = -1;
const NO_EPOCH: i32 = -1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: OffsetFetchRequest) -> Reply {
    let version = call.version();
    let require_stable = request.require_stable;
    let answers = groups(request, version)
        .into_iter()
        .map(|group| fetch(call, group, require_stable));
    let answers = join_all(answers.collect::<Vec<_>>());
    Reply::later(async move { response(answers.await, version) })
}

/// One group's question, whatever the version that asked it.
struct GroupQuestion {
    group_id: StrBytes,
    member_id: Option<String>,
    member_epoch: i32,
    /// All topics, if none are named.
    topics: Option<Vec<(TopicRef, Vec<i32>)>>,
}

/// One group's answer.
struct GroupAnswer {
    group_id: StrBytes,
    error: ErrorCode,
    topics: Vec<(TopicRef, Vec<FetchedPartition>)>,
}

fn groups(OffsetFetchRequest(request): OffsetFetchRequest, version: i16) -> Vec<GroupQuestion> {
    if version >= FIRST_WITH_GROUPS {
        let groups = request.groups.into_iter();
        return groups.map(|group| question(group, version)).collect();
    }
    let topics = request.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            (
                TopicRef::Name(topic.name.to_string()),
                topic.partition_indexes,
            )
        });
        topics.collect()
    });
    vec![GroupQuestion {
        group_id: request.group_id.0,
        member_id: None,
        member_epoch: -1,
        topics,
    }]
}

fn question(group: OffsetFetchRequestGroup, version: i16) -> GroupQuestion {
    let topics = group.topics.map(|topics| {
        let topics = topics.into_iter().map(|topic| {
            let named = match version >= FIRST_WITH_TOPIC_IDS {
                true => TopicRef::Id(TopicId(topic.topic_id)),
                false => TopicRef::Name(topic.name.to_string()),
            };
            (named, topic.partition_indexes)
        });
        topics.collect()
    });
    GroupQuestion {
        group_id: group.group_id.0,
        member_id: group.member_id.map(|id| id.to_string()),
        member_epoch: group.member_epoch,
        topics,
    }
}

fn fetch(
    call: Call<'_>,
    question: GroupQuestion,
    require_stable: bool,
) -> impl Future<Output = GroupAnswer> + Send + use<> {
    let version = call.version();
    let group_id = question.group_id;
    let allowed = call.may(Operation::Describe, Resource::Group(&group_id));
    let asked = match version < FIRST_WITH_GROUP_ERROR {
        true => question.topics.clone().unwrap_or_default(),
        false => Vec::new(),
    };
    let (wanted, refused) = judge(call, question.topics);
    let input = Input::OffsetFetch(OffsetFetch {
        group_id: group_id.to_string(),
        member_id: question.member_id,
        member_epoch: question.member_epoch,
        require_stable,
        topics: wanted,
    });
    let decision = allowed.then(|| {
        call.broker
            .groups
            .ask(&group_id, input, |reply| match reply {
                Decision::OffsetFetch(result) => Some(result),
                _ => None,
            })
    });
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    async move {
        let fetched = match decision {
            Some(decision) => decision.await.and_then(|result| result),
            None => Err(ErrorCode::GroupAuthorizationFailed),
        };
        let (error, topics) = match fetched {
            Ok(fetched) => {
                let shown = |topic| named(&broker, &peer, topic, version);
                let topics = fetched.into_iter().filter_map(shown).chain(refused);
                (ErrorCode::None, topics.collect())
            }
            Err(code) => (code, all_failed(asked, code)),
        };
        GroupAnswer {
            group_id,
            error,
            topics,
        }
    }
}

/// Where the version has no place for what is wrong with the group, each partition says it.
fn all_failed(
    asked: Vec<(TopicRef, Vec<i32>)>,
    code: ErrorCode,
) -> Vec<(TopicRef, Vec<FetchedPartition>)> {
    let topics = asked.into_iter().map(|(named, partitions)| {
        let partitions = partitions.into_iter().map(|one| failed(one, code));
        (named, partitions.collect())
    });
    topics.collect()
}

type Refused = Vec<(TopicRef, Vec<FetchedPartition>)>;

/// What is asked of the group, and the answers for topics that are not.
fn judge(
    call: Call<'_>,
    topics: Option<Vec<(TopicRef, Vec<i32>)>>,
) -> (Option<Vec<FetchTopic>>, Refused) {
    let Some(topics) = topics else {
        return (None, Vec::new());
    };
    let image = call.image();
    let (mut wanted, mut refused) = (Vec::new(), Vec::new());
    for (named, partitions) in topics {
        let judged = match (&named, named.find(call, &image, Operation::Describe)) {
            (_, Ok(topic)) => Ok((topic.name.to_string(), topic.id)),
            // What was committed for a topic that is gone is still there to be read.
            (TopicRef::Name(name), Err(ErrorCode::UnknownTopicOrPartition)) => {
                Ok((name.clone(), TopicId::ZERO))
            }
            (_, Err(code)) => Err(code),
        };
        match judged {
            Ok((name, topic_id)) => wanted.push(FetchTopic {
                name,
                topic_id,
                partitions,
            }),
            Err(code) => {
                let failed = |partition| failed(partition, code);
                refused.push((named, partitions.into_iter().map(failed).collect()));
            }
        }
    }
    (Some(wanted), refused)
}

fn failed(partition: i32, error: ErrorCode) -> FetchedPartition {
    FetchedPartition {
        partition,
        offset: NOTHING,
        leader_epoch: NO_EPOCH,
        metadata: String::new(),
        error,
    }
}

/// A topic as the version names it. One that the caller may not see is left out (it was not named by
/// the caller, who asked for all), and so is one without an id where ids are the names.
fn named(
    broker: &Broker,
    peer: &Peer,
    topic: FetchedTopic,
    version: i16,
) -> Option<(TopicRef, Vec<FetchedPartition>)> {
    let resource = Resource::Topic(&topic.name);
    if !broker.gate.allows(peer, Operation::Describe, resource) {
        return None;
    }
    if version < FIRST_WITH_TOPIC_IDS {
        return Some((TopicRef::Name(topic.name), topic.partitions));
    }
    let image = broker.images.current();
    let id = match topic.topic_id {
        TopicId::ZERO => image.topic(&topic.name)?.id,
        id => id,
    };
    Some((TopicRef::Id(id), topic.partitions))
}

fn response(answers: Vec<GroupAnswer>, version: i16) -> OffsetFetchResponse {
    if version >= FIRST_WITH_GROUPS {
        let groups = answers.into_iter().map(group_response);
        return OffsetFetchResponse::default().with_groups(groups.collect());
    }
    let Some(only) = answers.into_iter().next() else {
        return OffsetFetchResponse::default();
    };
    let topics = only.topics.into_iter().map(|(named, partitions)| {
        let name = match named {
            TopicRef::Name(name) => StrBytes::from_string(name),
            TopicRef::Id(_) => StrBytes::new(),
        };
        let partitions = partitions.into_iter().map(|one| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(one.partition)
                .with_committed_offset(one.offset)
                .with_committed_leader_epoch(one.leader_epoch)
                .with_metadata(Some(StrBytes::from_string(one.metadata)))
                .with_error_code(one.error.code())
        });
        OffsetFetchResponseTopic::default()
            .with_name(name.into())
            .with_partitions(partitions.collect())
    });
    let response = OffsetFetchResponse::default().with_topics(topics.collect());
    if version >= FIRST_WITH_GROUP_ERROR {
        return response.with_error_code(only.error.code());
    }
    response
}

fn group_response(group: GroupAnswer) -> OffsetFetchResponseGroup {
    let topics = group.topics.into_iter().map(|(named, partitions)| {
        let partitions = partitions.into_iter().map(|one| {
            OffsetFetchResponsePartitions::default()
                .with_partition_index(one.partition)
                .with_committed_offset(one.offset)
                .with_committed_leader_epoch(one.leader_epoch)
                .with_metadata(Some(StrBytes::from_string(one.metadata)))
                .with_error_code(one.error.code())
        });
        let topic = OffsetFetchResponseTopics::default().with_partitions(partitions.collect());
        match named {
            TopicRef::Name(name) => topic.with_name(StrBytes::from_string(name).into()),
            TopicRef::Id(id) => topic.with_topic_id(id.0),
        }
    });
    OffsetFetchResponseGroup::default()
        .with_group_id(group.group_id.into())
        .with_error_code(group.error.code())
        .with_topics(topics.collect())
}
