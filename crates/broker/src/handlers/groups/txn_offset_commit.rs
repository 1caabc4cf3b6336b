//! TxnOffsetCommit: how far a group will be if a transaction is committed. The partition of the group is one that the
//! transaction writes to, as its coordinator knows before anything is written.

use futures::FutureExt;
use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{CommitPartition, CommitTopic, CommittedTopic, OffsetCommit};
use ottla_coordinator::record::TransactionalProducer;
use ottla_metadata::topic_name::CONSUMER_OFFSETS;
use ottla_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use ottla_protocol::messages::{StrBytes, TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use ottla_protocol::records::NO_SEQUENCE;
use ottla_protocol::{ErrorCode, TopicId};
use tokio::sync::oneshot;

use super::commits;
use super::topics::{Results, TopicRef};
use crate::context::Call;
use crate::net::Reply;
use crate::transactions::{Errors, FirstWrites, Write, refusal_of_offsets};

/// Versions that name topics by id.
const FIRST_WITH_TOPIC_IDS: i16 = 6;
/// Versions whose clients know TRANSACTION_ABORTABLE; those of the next have an epoch for each transaction.
const FIRST_WITH_ABORTABLE: i16 = 4;
/// Versions whose clients know COORDINATOR_LOAD_IN_PROGRESS (KAFKA-7296).
const FIRST_WITH_LOADING: i16 = 2;

/// What became of offsets.
type Committed = Result<Vec<CommittedTopic>, ErrorCode>;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: TxnOffsetCommitRequest) -> Reply {
    let version = call.version();
    let by_id = version >= FIRST_WITH_TOPIC_IDS;
    let (transactional_id, group_id) = (&request.transactional_id, &request.group_id);
    let allowed = commits::check_in_transaction(call, transactional_id, group_id);
    let image = call.image();
    let mut results = Results::default();
    let mut topics = Vec::new();
    for topic in &request.topics {
        let named = TopicRef::of(by_id, &topic.name, TopicId(topic.topic_id));
        let asked = topic.partitions.iter().map(partition);
        match allowed {
            Ok(()) => topics.extend(commits::judge(call, &image, &named, asked, &mut results)),
            Err(code) => asked.for_each(|one| results.add(&named, one.partition, code)),
        }
    }
    if topics.is_empty() {
        return Reply::now(response(results));
    }
    if request.group_id.is_empty() {
        commits::note_refusal(topics, ErrorCode::InvalidGroupId, by_id, &mut results);
        return Reply::now(response(results));
    }
    let asked = topics.clone();
    let committed = commit(call, request, topics);
    Reply::later(async move {
        match committed.await {
            Ok(committed) => commits::note(committed, by_id, &mut results),
            Err(ErrorCode::CoordinatorLoadInProgress) if version < FIRST_WITH_LOADING => {
                let code = ErrorCode::CoordinatorNotAvailable;
                commits::note_refusal(asked, code, by_id, &mut results);
            }
            Err(code) => commits::note_refusal(asked, code, by_id, &mut results),
        }
        response(results)
    })
}

/// Has the group's machine decide once it is certain that the transaction writes to its partition.
fn commit(
    call: Call<'_>,
    request: TxnOffsetCommitRequest,
    topics: Vec<CommitTopic>,
) -> impl Future<Output = Committed> + Send + use<> {
    let version = call.version();
    let groups = &call.broker.groups;
    let machine = groups
        .partition_of(&request.group_id)
        .and_then(|id| Ok((id, groups.machine(id)?)))
        .and_then(|(id, hosts)| {
            let epoch = hosts.partition.leads_in();
            Ok((id, hosts, epoch.ok_or(ErrorCode::NotCoordinator)?))
        });
    let (sender, decided) = oneshot::channel();
    let errors = Errors::of(version, FIRST_WITH_ABORTABLE);
    let refused = machine.map(|(partition, hosts, leader_epoch)| {
        let write = Write {
            partition,
            topic: CONSUMER_OFFSETS.to_owned(),
            leader_epoch,
            transactional_id: request.transactional_id.to_string(),
            producer_id: request.producer_id.0,
            producer_epoch: request.producer_epoch,
            sequence: NO_SEQUENCE,
            adds: errors == Errors::OfEpochPerTransaction,
        };
        let input = input(version, request, topics);
        let then = move |allowed: Result<(), ErrorCode>| {
            let answer = allowed.map(|()| hosts.questions.ask(input).boxed());
            // Whoever asked may have gone.
            let _ = sender.send(answer);
        };
        FirstWrites::admit(call.broker, write, Box::new(then));
    });
    async move {
        refused?;
        let allowed = decided.await.map_err(|_| ErrorCode::NotCoordinator)?;
        let answer = allowed.map_err(|code| refusal_of_offsets(code, errors))?;
        match answer.await {
            Ok(Decision::OffsetCommit(committed)) => committed,
            Ok(_) | Err(_) => Err(ErrorCode::NotCoordinator),
        }
    }
}

fn input(version: i16, request: TxnOffsetCommitRequest, topics: Vec<CommitTopic>) -> Input {
    Input::OffsetCommit(OffsetCommit {
        version,
        group_id: request.group_id.to_string(),
        generation: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        transaction: Some(TransactionalProducer {
            id: request.producer_id.0,
            epoch: request.producer_epoch,
        }),
        retention_time_ms: -1,
        topics,
    })
}

fn partition(asked: &TxnOffsetCommitRequestPartition) -> CommitPartition {
    let metadata = asked.committed_metadata.as_ref();
    CommitPartition {
        partition: asked.partition_index,
        offset: asked.committed_offset,
        leader_epoch: asked.committed_leader_epoch,
        metadata: metadata.map(|text| text.to_string()),
    }
}

fn response(results: Results) -> TxnOffsetCommitResponse {
    let topics = results.into_topics().map(|(topic, partitions)| {
        let partitions = partitions.into_iter().map(|(number, code)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(number)
                .with_error_code(code.code())
        });
        let mut answer = TxnOffsetCommitResponseTopic {
            partitions: partitions.collect(),
            ..TxnOffsetCommitResponseTopic::default()
        };
        match topic {
            TopicRef::Name(name) => answer.name = StrBytes::from_string(name).into(),
            TopicRef::Id(id) => answer.topic_id = id.0,
        }
        answer
    });
    TxnOffsetCommitResponse {
        topics: topics.collect(),
        ..TxnOffsetCommitResponse::default()
    }
}
