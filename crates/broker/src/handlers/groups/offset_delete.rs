//! OffsetDelete: what a group committed for topics that none of its members reads.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{OffsetDelete, TopicPartitions, TopicResults};
use ottla_metadata::image::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use ottla_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use ottla_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse, StrBytes};

use super::topics::{Results, TopicRef, has_partition};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: OffsetDeleteRequest) -> Reply {
    let group_id = request.group_id.to_string();
    if !call.may(Operation::Delete, Resource::Group(&group_id)) {
        return Reply::now(refused(ErrorCode::GroupAuthorizationFailed));
    }
    let image = call.image();
    let mut results = Results::default();
    let mut topics = Vec::new();
    for topic in request.topics {
        let partitions = judge(call, &image, &topic, &mut results);
        if !partitions.is_empty() {
            let name = topic.name.to_string();
            topics.push(TopicPartitions { name, partitions });
        }
    }
    // Without any topic left too: of a group that is not there, that is the answer.
    let input = Input::OffsetDelete(OffsetDelete {
        group_id: group_id.clone(),
        topics,
    });
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::OffsetDelete(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        match decision.await {
            Ok(Ok(deleted)) => {
                deleted
                    .into_iter()
                    .for_each(|topic| note(topic, &mut results));
                response(results)
            }
            Ok(Err(code)) | Err(code) => refused(code),
        }
    })
}

/// The partitions to ask about; the others have their result.
fn judge(
    call: Call<'_>,
    image: &Image,
    topic: &OffsetDeleteRequestTopic,
    results: &mut Results,
) -> Vec<i32> {
    let named = TopicRef::Name(topic.name.to_string());
    let found = named.find(call, image, Operation::Read);
    let numbers = topic.partitions.iter().map(|one| one.partition_index);
    let exists = |number: &i32| {
        let exists = found.map(|found| has_partition(found, *number));
        let code = match exists {
            Ok(true) => return true,
            Ok(false) => ErrorCode::UnknownTopicOrPartition,
            Err(code) => code,
        };
        results.add(&named, *number, code);
        false
    };
    numbers.filter(exists).collect()
}

fn note(topic: TopicResults, results: &mut Results) {
    let named = TopicRef::Name(topic.name);
    for one in topic.partitions {
        results.add(&named, one.partition, one.error);
    }
}

fn response(results: Results) -> OffsetDeleteResponse {
    let topics = results.into_topics().map(|(topic, partitions)| {
        let TopicRef::Name(name) = topic else {
            unreachable!("requests name topics")
        };
        let partitions = partitions.into_iter().map(|(number, code)| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(number)
                .with_error_code(code.code())
        });
        OffsetDeleteResponseTopic::default()
            .with_name(StrBytes::from_string(name).into())
            .with_partitions(partitions.collect())
    });
    OffsetDeleteResponse::default().with_topics(topics.collect())
}

fn refused(code: ErrorCode) -> OffsetDeleteResponse {
    OffsetDeleteResponse::default().with_error_code(code.code())
}
