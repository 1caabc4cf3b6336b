//! Asks the coordinator of a transaction whether it writes to partitions, wherever that coordinator is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ottla_metadata::topic_name::TRANSACTION_STATE;
use ottla_protocol::{ErrorCode, NodeId};
use ottla_transactions::machine::{Input, Reply};
use ottla_transactions::operations::{AddPartitions, Producer, Refused, VerifyPartitions};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::between::{self, Answers, Question};
use crate::context::Broker;
use crate::leader;
use crate::shard::partition_of;

/// The level of `transaction.version` from which on each transaction of a producer has an epoch of its own, and becomes
/// the writer of a partition with its first write there (KIP-890).
pub(crate) const EPOCH_PER_TRANSACTION: i16 = 2;
/// The feature by which transactions end.
const FEATURE: &str = "transaction.version";

/// Partitions that a transaction is about to write to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Enlisting {
    /// Whose transaction it is.
    pub(crate) transactional_id: String,
    /// Who writes.
    pub(crate) producer_id: i64,
    /// Its epoch.
    pub(crate) producer_epoch: i16,
    /// Topic and partition.
    pub(crate) partitions: Vec<(String, i32)>,
    /// The level of `transaction.version` by which they become part of it; without one, they ought to be.
    pub(crate) adds_by: Option<i16>,
    /// Whether to wait until the transaction before is complete.
    pub(crate) waits: bool,
    /// Whether its producer has spoken on a newer connection since.
    pub(crate) is_stale: bool,
}

/// How long to ask again while the transaction before is not complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConcurrentRetries {
    /// `add.partitions.to.txn.retry.backoff.ms`
    pub backoff: Duration,
    /// `add.partitions.to.txn.retry.backoff.max.ms`
    pub at_most: Duration,
}

/// The level of `transaction.version` that the cluster has agreed on.
pub(crate) fn server_version(broker: &Broker) -> i16 {
    broker.images.current().feature_level(FEATURE)
}

/// Whether each partition is part of the transaction; an error code of the coordinator's if not. Asks once more when the
/// transaction before is complete, and for a while if that was too early still.
pub(super) async fn enlist(broker: &Arc<Broker>, enlisting: Enlisting) -> Answers {
    let ConcurrentRetries { backoff, at_most } = broker.config.transactions.concurrent_retries;
    let deadline = Instant::now() + at_most;
    let mut rest = Duration::ZERO;
    loop {
        let answers = enlist_once(broker, enlisting.clone()).await;
        let is_early = answers.codes.contains(&ErrorCode::ConcurrentTransactions);
        if !is_early || Instant::now() >= deadline {
            return answers;
        }
        // It was told when the transaction before was complete: most often that is the whole wait.
        sleep(rest).await;
        rest = backoff;
    }
}

async fn enlist_once(broker: &Arc<Broker>, enlisting: Enlisting) -> Answers {
    let count = enlisting.partitions.len();
    let Some(node) = coordinator_of(broker, &enlisting.transactional_id) else {
        return Answers::of(vec![ErrorCode::CoordinatorNotAvailable; count]);
    };
    if node == broker.node_id {
        return enlist_here(broker, enlisting).await;
    }
    let question = Question::Enlist(enlisting);
    match between::ask(&broker.peers, node, &question).await {
        Ok(answers) if answers.codes.len() == count => answers,
        Ok(_) | Err(_) => Answers::of(vec![ErrorCode::NetworkException; count]),
    }
}

/// The same of the coordinator on this broker. It is asked now; the future only waits.
pub(crate) fn enlist_here(
    broker: &Broker,
    enlisting: Enlisting,
) -> impl Future<Output = Answers> + Send + use<> {
    let count = enlisting.partitions.len();
    let producer = Producer {
        id: enlisting.producer_id,
        epoch: enlisting.producer_epoch,
    };
    let transactional_id = enlisting.transactional_id.clone();
    let input = match enlisting.adds_by {
        Some(client_version) => Input::AddPartitions(AddPartitions {
            transactional_id: enlisting.transactional_id,
            producer,
            partitions: enlisting.partitions,
            client_version,
            server_version: server_version(broker),
            waits: enlisting.waits,
            is_stale: enlisting.is_stale,
        }),
        None => Input::VerifyPartitions(VerifyPartitions {
            transactional_id: enlisting.transactional_id,
            producer,
            partitions: enlisting.partitions,
            waits: enlisting.waits,
        }),
    };
    let answer = ask(broker, &transactional_id, input, |reply| match reply {
        Reply::AddPartitions(added) => Some(added.map(|as_of| (None, as_of))),
        Reply::VerifyPartitions(verified) => {
            Some(verified.map(|verified| (Some(verified.parts), verified.as_of)))
        }
        _ => None,
    });
    async move {
        match answer.await {
            Ok(Ok((parts, as_of))) => Answers {
                codes: parts.map_or(vec![ErrorCode::None; count], codes_of_parts),
                as_of: as_of.0,
            },
            Ok(Err(code)) | Err(code) => Answers::of(vec![code; count]),
        }
    }
}

fn codes_of_parts(parts: Vec<bool>) -> Vec<ErrorCode> {
    let code = |is_part| match is_part {
        true => ErrorCode::None,
        false => ErrorCode::TransactionAbortable,
    };
    parts.into_iter().map(code).collect()
}

fn coordinator_of(broker: &Broker, transactional_id: &str) -> Option<NodeId> {
    let image = broker.images.current();
    let topic = image.topic(TRANSACTION_STATE)?;
    let count = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    let leader = leader::of(broker, topic, partition_of(transactional_id, count))?;
    Some(leader.node)
}

/// Asks the coordinator on this broker something about a transactional id. Asked now; the future only waits.
pub(crate) fn ask<T>(
    broker: &Broker,
    transactional_id: &str,
    input: Input,
    of: fn(Reply) -> Option<T>,
) -> impl Future<Output = Result<T, ErrorCode>> + Send + use<T> {
    // No id is held by no partition, whoever leads it.
    let named = !transactional_id.is_empty();
    let answer = named.then(|| broker.transactions.ask(transactional_id, input, of));
    async move { answer.ok_or(ErrorCode::InvalidRequest)?.await }
}

/// Has the coordinator on this broker decide something that may take a new producer id: it is given one if it asks for
/// it. Asked now; the future only waits.
pub(crate) fn decide<F>(
    broker: &Arc<Broker>,
    transactional_id: String,
    input: F,
) -> impl Future<Output = Result<Producer, ErrorCode>> + Send + use<F>
where
    F: Fn(Option<i64>) -> Input + Send + Sync + 'static,
{
    let broker = Arc::clone(broker);
    let ask_with = move |broker: &Broker, fresh_producer_id| {
        let input = input(fresh_producer_id);
        ask(broker, &transactional_id, input, |reply| match reply {
            Reply::InitProducerId(decided) | Reply::EndTransaction(decided) => Some(decided),
            _ => None,
        })
    };
    let mut answer = ask_with(&broker, None).boxed();
    async move {
        loop {
            match answer.await? {
                Ok(producer) => return Ok(producer),
                Err(Refused::Error(code)) => return Err(code),
                Err(Refused::NeedsProducerId) => {}
            }
            let id = match broker.producer_ids.take_at_hand() {
                Some(id) => id,
                None => broker.producer_ids.take(&broker.metadata).await?,
            };
            answer = ask_with(&broker, Some(id)).boxed();
        }
    }
}
