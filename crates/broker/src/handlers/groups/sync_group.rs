//! SyncGroup: the leader gives every member its assignment, and each gets its own.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{MemberAssignment, SyncGroup, Synced};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::{StrBytes, SyncGroupRequest, SyncGroupResponse};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions whose members must say which protocol they believe in.
const FIRST_WITH_PROTOCOL: i16 = 5;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: SyncGroupRequest) -> Reply {
    if let Err(code) = check(call, &request) {
        return Reply::now(refused(code));
    }
    let group_id = request.group_id.to_string();
    let assignments = request.assignments.into_iter().map(|one| MemberAssignment {
        member_id: one.member_id.to_string(),
        assignment: one.assignment,
    });
    let input = Input::SyncGroup(SyncGroup {
        group_id: group_id.clone(),
        generation: request.generation_id,
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        protocol_type: request.protocol_type.map(|name| name.to_string()),
        protocol: request.protocol_name.map(|name| name.to_string()),
        assignments: assignments.collect(),
    });
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::SyncGroup(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        match decision.await {
            Ok(Ok(member)) => synced(member),
            Ok(Err(code)) | Err(code) => refused(code),
        }
    })
}

fn check(call: Call<'_>, request: &SyncGroupRequest) -> Result<(), ErrorCode> {
    let names_protocol = request.protocol_type.is_some() && request.protocol_name.is_some();
    if call.version() >= FIRST_WITH_PROTOCOL && !names_protocol {
        return Err(ErrorCode::InconsistentGroupProtocol);
    }
    if !call.may(Operation::Read, Resource::Group(&request.group_id)) {
        return Err(ErrorCode::GroupAuthorizationFailed);
    }
    Ok(())
}

fn synced(member: Synced) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_protocol_type(member.protocol_type.map(StrBytes::from_string))
        .with_protocol_name(member.protocol.map(StrBytes::from_string))
        .with_assignment(member.assignment)
}

fn refused(code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse::default().with_error_code(code.code())
}
