//! DescribeTransactions: how transactions stand that this broker coordinates.

use std::sync::Arc;

use futures::future::join_all;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use ottla_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, StrBytes, TransactionalId,
};
use ottla_transactions::machine::{Input, Reply as Decision};
use ottla_transactions::operations::Described;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;
use crate::transactions::ask;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeTransactionsRequest) -> Reply {
    let (broker, peer) = (Arc::clone(call.broker), Arc::clone(call.peer));
    let ids = request.transactional_ids.into_iter();
    let described = ids.map(|id| {
        let described = describe(call, &id);
        async move { (id, described.await) }
    });
    let described = join_all(described.collect::<Vec<_>>());
    Reply::later(async move {
        let may_see = |topic: &str| {
            let topic = Resource::Topic(topic);
            broker.gate.allows(&peer, Operation::Describe, topic)
        };
        let described = described.await.into_iter();
        let states = described.map(|(id, described)| shown(id, described, may_see));
        DescribeTransactionsResponse::default().with_transaction_states(states.collect())
    })
}

fn describe(
    call: Call<'_>,
    id: &TransactionalId,
) -> impl Future<Output = Result<Described, ErrorCode>> + Send + use<> {
    let allowed = call.may(Operation::Describe, Resource::TransactionalId(id));
    let answer = allowed.then(|| {
        let input = Input::Describe {
            transactional_id: id.to_string(),
        };
        ask(call.broker, id, input, |reply| match reply {
            Decision::Describe(described) => Some(described),
            _ => None,
        })
    });
    async move {
        match answer {
            Some(answer) => answer.await?,
            None => Err(ErrorCode::TransactionalIdAuthorizationFailed),
        }
    }
}

fn shown(
    id: TransactionalId,
    described: Result<Described, ErrorCode>,
    may_see: impl Fn(&str) -> bool,
) -> TransactionState {
    let state = TransactionState::default().with_transactional_id(id);
    let described = match described {
        Ok(described) => described,
        Err(code) => return state.with_error_code(code.code()),
    };
    let topics = described.partitions.into_iter();
    let topics = topics.filter(|(topic, _)| may_see(topic));
    let topics = topics.map(|(topic, numbers)| {
        TopicData::default()
            .with_topic(StrBytes::from_string(topic).into())
            .with_partitions(numbers.into_iter().collect())
    });
    state
        .with_transaction_state(StrBytes::from_static_str(described.phase.name()))
        .with_transaction_timeout_ms(described.timeout_ms)
        .with_transaction_start_time_ms(described.started_ms)
        .with_producer_id(described.producer.id.into())
        .with_producer_epoch(described.producer.epoch)
        .with_topics(topics.collect())
}
