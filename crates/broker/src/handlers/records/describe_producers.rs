//! DescribeProducers: who writes to partitions that this broker leads, and which transactions are open there.

use ottla_metadata::image::Image;
use ottla_metadata::topic_name::TopicName as CheckedName;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_producers_response::{
    PartitionResponse, ProducerState, TopicResponse,
};
use ottla_protocol::messages::{DescribeProducersRequest, DescribeProducersResponse, StrBytes};
use ottla_storage::Producer;

use super::placement::leader_by_name;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeProducersRequest) -> Reply {
    let image = call.image();
    let topics = request.topics.into_iter().map(|topic| {
        let numbers = topic.partition_indexes.iter();
        let partitions = numbers.map(|&number| {
            let partition = PartitionResponse::default().with_partition_index(number);
            match producers(call, &image, &topic.name, number) {
                Ok(producers) => {
                    let states = producers.into_iter().map(state);
                    partition.with_active_producers(states.collect())
                }
                Err(code) => partition
                    .with_error_code(code.code())
                    .with_error_message(Some(StrBytes::from_static_str(code.message()))),
            }
        });
        let partitions = partitions.collect();
        TopicResponse::default()
            .with_partitions(partitions)
            .with_name(topic.name)
    });
    Reply::now(DescribeProducersResponse::default().with_topics(topics.collect()))
}

fn producers(
    call: Call<'_>,
    image: &Image,
    topic: &str,
    number: i32,
) -> Result<Vec<Producer>, ErrorCode> {
    if CheckedName::parse(topic).is_err() {
        return Err(ErrorCode::InvalidTopicException);
    }
    if !call.may(Operation::Read, Resource::Topic(topic)) {
        return Err(ErrorCode::TopicAuthorizationFailed);
    }
    let replica = leader_by_name(call, image, topic, number)?;
    Ok(replica.partition.log().producers())
}

fn state(producer: Producer) -> ProducerState {
    let last = producer.batches.last();
    ProducerState::default()
        .with_producer_id(producer.producer_id.into())
        .with_producer_epoch(producer.epoch.into())
        .with_last_sequence(last.map_or(-1, |batch| batch.last_sequence))
        .with_last_timestamp(producer.last_timestamp)
        .with_coordinator_epoch(producer.coordinator_epoch)
        .with_current_txn_start_offset(producer.transaction_start.unwrap_or(-1))
}
