//! ElectLeaders (KIP-183, KIP-460): preferred replicas lead again. Whether a replica without all records
//! may lead is not for a broker to decide: a partition whose majority is lost has no leader to elect.

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use ottla_metadata::image::{Image, Partition};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use ottla_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, StrBytes, TopicName};
use tokio::time::Instant;

use super::creation::patience;
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::limits::ELECTIONS_AT_ONCE_MAX;
use crate::net::Reply;
use crate::preferred::{Patience, elect};

/// Versions that know another kind of election than the preferred leader's.
const FIRST_WITH_TYPES: i16 = 1;
const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;
/// How long one request waits for all preferred replicas that are not in sync.
const IN_SYNC_PATIENCE: Duration = Duration::from_secs(3);

/// A partition as the request names it, and what is known of it.
struct Asked {
    topic: String,
    number: i32,
    found: Result<Partition, &'static str>,
}

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ElectLeadersRequest) -> Reply {
    let kind = match call.version() >= FIRST_WITH_TYPES {
        true => request.election_type,
        false => PREFERRED,
    };
    let refusal = if !call.may(Operation::Alter, Resource::Cluster) {
        Some(ErrorCode::ClusterAuthorizationFailed)
    } else {
        (!matches!(kind, PREFERRED | UNCLEAN)).then_some(ErrorCode::InvalidRequest)
    };
    if let Some(code) = refusal {
        return Reply::now(ElectLeadersResponse::default().with_error_code(code.code()));
    }
    let image = call.image();
    let is_for_all = request.topic_partitions.is_none();
    let asked = asked(&image, request);
    let now = Instant::now();
    let patience = Patience {
        in_sync_until: now + IN_SYNC_PATIENCE,
        until: now + patience(asked.1),
    };
    let broker = Arc::clone(call.broker);
    Reply::later(async move {
        let electing = stream::iter(asked.0).map(|asked| async {
            let result = decide(&broker, &asked, kind, patience).await;
            (asked, result)
        });
        let outcomes = electing.buffered(ELECTIONS_AT_ONCE_MAX).collect::<Vec<_>>();
        // Whoever asks for all wants to know where something came of it.
        let is_told = |(_, result): &(_, Result<(), Failure>)| {
            let not_needed = |failure: &Failure| failure.code == ErrorCode::ElectionNotNeeded;
            !(is_for_all && result.as_ref().is_err_and(not_needed))
        };
        let told = outcomes.await.into_iter().filter(is_told);
        ElectLeadersResponse::default().with_replica_election_results(by_topic(told))
    })
}

/// The partitions that are meant, and how long the client waits.
fn asked(image: &Image, request: ElectLeadersRequest) -> (Vec<Asked>, i32) {
    let timeout_ms = request.timeout_ms;
    let Some(topics) = request.topic_partitions else {
        let all = image.topics().flat_map(|topic| {
            topic
                .partitions
                .iter()
                .zip(0..)
                .map(|(partition, number)| Asked {
                    topic: topic.name.to_string(),
                    number,
                    found: Ok(partition.clone()),
                })
        });
        return (all.collect(), timeout_ms);
    };
    let named = topics.into_iter().flat_map(|one| {
        let topic = image.topic(&one.topic);
        let name = one.topic.to_string();
        one.partitions.into_iter().map(move |number| Asked {
            topic: name.clone(),
            number,
            found: match topic.map(|topic| topic.partition(number)) {
                Some(Some(partition)) => Ok(partition.clone()),
                Some(None) => Err("the topic has no such partition"),
                None => Err("there is no such topic"),
            },
        })
    });
    (named.collect(), timeout_ms)
}

struct Failure {
    code: ErrorCode,
    message: &'static str,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        let message = code.message();
        Failure { code, message }
    }
}

async fn decide(
    broker: &Broker,
    asked: &Asked,
    kind: i8,
    patience: Patience,
) -> Result<(), Failure> {
    let partition = asked.found.as_ref().map_err(|message| Failure {
        code: ErrorCode::UnknownTopicOrPartition,
        message,
    })?;
    if kind == PREFERRED {
        return Ok(elect(&broker.peers, partition, patience).await?);
    }
    Err(match broker.peers.leader(partition.group_id) {
        Some(_) => ErrorCode::ElectionNotNeeded.into(),
        None => ErrorCode::EligibleLeadersNotAvailable.into(),
    })
}

fn by_topic(
    outcomes: impl Iterator<Item = (Asked, Result<(), Failure>)>,
) -> Vec<ReplicaElectionResult> {
    let mut topics: Vec<ReplicaElectionResult> = Vec::new();
    for (asked, result) in outcomes {
        let partition = PartitionResult::default().with_partition_id(asked.number);
        let partition = match result {
            Ok(()) => partition,
            Err(Failure { code, message }) => partition
                .with_error_code(code.code())
                .with_error_message(Some(StrBytes::from_static_str(message))),
        };
        match topics
            .last_mut()
            .filter(|last| **last.topic == *asked.topic)
        {
            Some(last) => last.partition_result.push(partition),
            None => {
                let name = TopicName::from(StrBytes::from_string(asked.topic));
                let topic = ReplicaElectionResult::default().with_topic(name);
                topics.push(topic.with_partition_result(vec![partition]));
            }
        }
    }
    topics
}
