//! UnregisterBroker (KIP-631): the cluster forgets a broker, whatever it holds. If it still runs it
//! goes on, hangs up on its clients, and registers again at its next start.

use ottla_metadata::operations::{Refused, UnregisterBroker};
use ottla_protocol::messages::{StrBytes, UnregisterBrokerRequest, UnregisterBrokerResponse};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::timeout;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::limits::QUORUM_CHANGE_MAX;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: UnregisterBrokerRequest) -> Reply {
    if !call.may(Operation::Alter, Resource::Cluster) {
        return Reply::now(refusal(Refused::plain(
            ErrorCode::ClusterAuthorizationFailed,
        )));
    }
    let broker = NodeId(request.broker_id.0);
    let forgetting = call.broker.metadata.unregister(UnregisterBroker { broker });
    Reply::later(async move {
        match timeout(QUORUM_CHANGE_MAX, forgetting).await {
            Ok(Ok(Ok(()))) => {
                tracing::info!(%broker, "a broker is unregistered");
                UnregisterBrokerResponse::default().with_error_message(None)
            }
            Ok(Ok(Err(refused))) => refusal(refused),
            Ok(Err(code)) => refusal(Refused::plain(code)),
            Err(_elapsed) => refusal(Refused::plain(ErrorCode::RequestTimedOut)),
        }
    })
}

fn refusal(refused: Refused) -> UnregisterBrokerResponse {
    UnregisterBrokerResponse::default()
        .with_error_code(refused.code.code())
        .with_error_message(Some(StrBytes::from_string(refused.message)))
}
