//! ListPartitionReassignments: none is ever under way here, so that is the answer to everyone who may
//! ask, whichever topics they name.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, _: ListPartitionReassignmentsRequest) -> Reply {
    let response = ListPartitionReassignmentsResponse::default();
    if call.may(Operation::Describe, Resource::Cluster) {
        return Reply::now(response);
    }
    Reply::now(response.with_error_code(ErrorCode::ClusterAuthorizationFailed.code()))
}
