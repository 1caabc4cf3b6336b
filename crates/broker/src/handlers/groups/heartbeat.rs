//! Heartbeat: a member is alive, and hears whether the group goes on as it is.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::Heartbeat;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: HeartbeatRequest) -> Reply {
    if !call.may(Operation::Read, Resource::Group(&request.group_id)) {
        return Reply::now(response(ErrorCode::GroupAuthorizationFailed));
    }
    let group_id = request.group_id.to_string();
    let input = Input::Heartbeat(Heartbeat {
        group_id: group_id.clone(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
    });
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::Heartbeat(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        response(match decision.await {
            // Sessions begin anew when the group is loaded, so its members may go on.
            Ok(Ok(())) | Err(ErrorCode::CoordinatorLoadInProgress) => ErrorCode::None,
            Ok(Err(code)) | Err(code) => code,
        })
    })
}

fn response(code: ErrorCode) -> HeartbeatResponse {
    HeartbeatResponse::default().with_error_code(code.code())
}
