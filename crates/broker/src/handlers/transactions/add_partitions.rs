//! AddPartitionsToTxn: which partitions a transaction writes to. Clients say it below version 4; from there on leaders
//! of partitions ask it of coordinators, of several transactions at once, and may only want to know (KIP-890).

use futures::future::join_all;
use ottla_metadata::image::Image;
use ottla_metadata::topic_name::is_internal;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use ottla_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use ottla_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, TopicName};

use super::speaker::{Speaker, known_to};
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::{Answer, Reply};
use crate::transactions::{EPOCH_PER_TRANSACTION, Enlisting, enlist_here};

/// Versions that brokers send to brokers.
const FIRST_OF_BROKERS: i16 = 4;
/// Versions that know PRODUCER_FENCED.
const FIRST_WITH_FENCED: i16 = 2;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: AddPartitionsToTxnRequest) -> Reply {
    let version = call.version();
    let is_of_broker = version >= FIRST_OF_BROKERS;
    if is_of_broker && !call.may(Operation::ClusterAction, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed.code();
        return Reply::now(AddPartitionsToTxnResponse::default().with_error_code(code));
    }
    let speaker = Speaker::of(call, &request.v3_and_below_transactional_id);
    let transactions = match is_of_broker {
        true => request.transactions,
        false => vec![
            AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_topics(request.v3_and_below_topics),
        ],
    };
    let image = call.image();
    let answers = transactions.into_iter().map(|one| add(call, &image, one));
    let answers = join_all(answers.collect::<Vec<_>>());
    Reply::Later(Box::pin(async move {
        let mut results = answers.await;
        let response = AddPartitionsToTxnResponse::default();
        if is_of_broker {
            let response = response.with_results_by_transaction(results);
            return Answer::Response(response.into());
        }
        let only = results.pop().unwrap_or_default();
        let code = first_code(&only);
        let response = response.with_results_by_topic_v3_and_below(only.topic_results);
        speaker.answer(code, response)
    }))
}

/// What became of the first partition.
fn first_code(result: &AddPartitionsToTxnResult) -> ErrorCode {
    let topics = result.topic_results.iter();
    let first = topics.flat_map(|topic| &topic.results_by_partition).next();
    first.map_or(ErrorCode::None, |it| {
        ErrorCode::from_code(it.partition_error_code)
    })
}

fn add(
    call: Call<'_>,
    image: &Image,
    transaction: AddPartitionsToTxnTransaction,
) -> impl Future<Output = AddPartitionsToTxnResult> + Send + use<> {
    let version = call.version();
    let transactional_id = transaction.transactional_id.clone();
    let partitions = partitions(&transaction.topics);
    let refusals = refusals(call, image, &transaction);
    let asked = refusals.is_none().then(|| {
        let enlisting = Enlisting {
            transactional_id: transactional_id.to_string(),
            producer_id: transaction.producer_id.0,
            producer_epoch: transaction.producer_epoch,
            partitions: partitions
                .into_iter()
                .map(|(topic, number)| (topic.to_string(), number))
                .collect(),
            adds_by: match version >= FIRST_OF_BROKERS {
                true => (!transaction.verify_only).then_some(EPOCH_PER_TRANSACTION),
                false => Some(0),
            },
            waits: false,
            is_stale: version < FIRST_OF_BROKERS && Speaker::of(call, &transactional_id).is_stale(),
        };
        enlist_here(call.broker, enlisting)
    });
    async move {
        let codes = match (refusals, asked) {
            (Some(codes), _) => codes,
            (None, Some(asked)) => asked.await.codes,
            (None, None) => Vec::new(),
        };
        let codes = codes.into_iter();
        let codes = codes.map(|code| known_to(version, FIRST_WITH_FENCED, code));
        AddPartitionsToTxnResult::default()
            .with_transactional_id(transactional_id)
            .with_topic_results(by_topic(transaction.topics, codes))
    }
}

fn partitions(topics: &[AddPartitionsToTxnTopic]) -> Vec<(TopicName, i32)> {
    let topics = topics.iter();
    let partitions = topics.flat_map(|topic| {
        let numbers = topic.partitions.iter();
        numbers.map(|number| (topic.name.clone(), *number))
    });
    partitions.collect()
}

/// A code for each partition, if the transaction may not write to all of them: then it writes to none.
fn refusals(
    call: Call<'_>,
    image: &Image,
    transaction: &AddPartitionsToTxnTransaction,
) -> Option<Vec<ErrorCode>> {
    let is_of_client = call.version() < FIRST_OF_BROKERS;
    let partitions = partitions(&transaction.topics);
    let id = Resource::TransactionalId(&transaction.transactional_id);
    if is_of_client && !call.may(Operation::Write, id) {
        let code = ErrorCode::TransactionalIdAuthorizationFailed;
        return Some(vec![code; partitions.len()]);
    }
    let judge = |(topic, number): &(TopicName, i32)| {
        let may = || call.may(Operation::Write, Resource::Topic(topic));
        let known = image.topic(topic);
        if is_of_client && (is_internal(topic) || !may()) {
            ErrorCode::TopicAuthorizationFailed
        } else if known.is_none_or(|known| known.partition(*number).is_none()) {
            ErrorCode::UnknownTopicOrPartition
        } else {
            ErrorCode::OperationNotAttempted
        }
    };
    let codes: Vec<ErrorCode> = partitions.iter().map(judge).collect();
    let is_fine = codes
        .iter()
        .all(|code| *code == ErrorCode::OperationNotAttempted);
    (!is_fine).then_some(codes)
}

fn by_topic(
    topics: Vec<AddPartitionsToTxnTopic>,
    mut codes: impl Iterator<Item = ErrorCode>,
) -> Vec<AddPartitionsToTxnTopicResult> {
    let topics = topics.into_iter().map(|topic| {
        let results = topic.partitions.iter().zip(codes.by_ref());
        let results = results.map(|(number, code)| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*number)
                .with_partition_error_code(code.code())
        });
        AddPartitionsToTxnTopicResult::default()
            .with_results_by_partition(results.collect())
            .with_name(topic.name)
    });
    topics.collect()
}
