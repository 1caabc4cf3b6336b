//! DeleteGroups: groups without members, with all that they committed.

use futures::future::join_all;
use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::DeleteGroups;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::delete_groups::{
    DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse,
};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DeleteGroupsRequest) -> Reply {
    let deletions = request.0.groups_names.into_iter().map(|group_id| {
        let decision = call
            .may(Operation::Delete, Resource::Group(&group_id))
            .then(|| {
                let group_ids = vec![group_id.to_string()];
                let input = Input::DeleteGroups(DeleteGroups { group_ids });
                call.broker
                    .groups
                    .ask(&group_id, input, |reply| match reply {
                        Decision::DeleteGroups(mut groups) => Some(groups.pop()?.error),
                        _ => None,
                    })
            });
        async move {
            let code = match decision {
                Some(decision) => decision.await.unwrap_or_else(|code| code),
                None => ErrorCode::GroupAuthorizationFailed,
            };
            DeletableGroupResult {
                group_id,
                error_code: code.code(),
                ..DeletableGroupResult::default()
            }
        }
    });
    let deletions = join_all(deletions.collect::<Vec<_>>());
    Reply::later(async move {
        DeleteGroupsResponse {
            results: deletions.await,
            ..DeleteGroupsResponse::default()
        }
    })
}
