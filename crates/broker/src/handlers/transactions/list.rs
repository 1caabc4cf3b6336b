//! ListTransactions: the transactional ids that this broker coordinates.

use futures::future::join_all;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_transactions_response::TransactionState;
use ottla_protocol::messages::{ListTransactionsRequest, ListTransactionsResponse, StrBytes};
use ottla_transactions::machine::{Input, Reply as Decision};
use ottla_transactions::operations::{ListTransactions, Listed};
use ottla_transactions::state::Phase;
use regex::Regex;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ListTransactionsRequest) -> Reply {
    let (machines, is_loading) = call.broker.transactions.all();
    if is_loading {
        return Reply::now(refusal(ErrorCode::CoordinatorLoadInProgress));
    }
    let Ok(pattern) = pattern(request.transactional_id_pattern.as_deref()) else {
        return Reply::now(refusal(ErrorCode::InvalidRegularExpression));
    };
    let named = |name: &StrBytes| Phase::ALL.into_iter().find(|it| it.name() == &**name);
    let is_unknown = |name: &&StrBytes| named(name).is_none();
    let unknown: Vec<StrBytes> = request
        .state_filters
        .iter()
        .filter(is_unknown)
        .cloned()
        .collect();
    let filter = ListTransactions {
        producer_ids: request.producer_id_filters.iter().map(|id| id.0).collect(),
        phases: (!request.state_filters.is_empty())
            .then(|| request.state_filters.iter().filter_map(named).collect()),
        duration_ms: request.duration_filter,
    };
    let answers = machines
        .iter()
        .map(|(_, machine)| machine.questions.ask(Input::List(filter.clone())));
    let answers = join_all(answers.collect::<Vec<_>>());
    let (broker, peer) = (call.broker.clone(), call.peer.clone());
    Reply::later(async move {
        let mut all = Vec::new();
        for answer in answers.await {
            // A machine that stopped meanwhile has its transactions elsewhere.
            if let Ok(Decision::List(listed)) = answer {
                all.extend(listed);
            }
        }
        let is_shown = |it: &Listed| {
            let id = Resource::TransactionalId(&it.transactional_id);
            let is_meant = pattern
                .as_ref()
                .is_none_or(|it_is| it_is.is_match(&it.transactional_id));
            is_meant && broker.gate.allows(&peer, Operation::Describe, id)
        };
        let states = all.into_iter().filter(is_shown).map(shown).collect();
        ListTransactionsResponse::default()
            .with_unknown_state_filters(unknown)
            .with_transaction_states(states)
    })
}

/// What ids must match, whole; all if nothing is said.
fn pattern(text: Option<&str>) -> Result<Option<Regex>, regex::Error> {
    let text = text.filter(|text| !text.is_empty());
    text.map(|text| Regex::new(&format!("^(?:{text})$")))
        .transpose()
}

fn shown(listed: Listed) -> TransactionState {
    TransactionState::default()
        .with_transactional_id(StrBytes::from_string(listed.transactional_id).into())
        .with_producer_id(listed.producer_id.into())
        .with_transaction_state(StrBytes::from_static_str(listed.phase.name()))
}

fn refusal(code: ErrorCode) -> ListTransactionsResponse {
    ListTransactionsResponse::default().with_error_code(code.code())
}
