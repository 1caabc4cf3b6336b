//! LeaveGroup: one member until version 2, several from then on.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{LeaveGroup, LeavingMember, LeftMember};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::leave_group_response::MemberResponse;
use ottla_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse, StrBytes};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

const FIRST_WITH_MEMBERS: i16 = 3;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: LeaveGroupRequest) -> Reply {
    if !call.may(Operation::Read, Resource::Group(&request.group_id)) {
        return Reply::now(refused(ErrorCode::GroupAuthorizationFailed));
    }
    let version = call.version();
    let group_id = request.group_id.to_string();
    let input = Input::LeaveGroup(LeaveGroup {
        group_id: group_id.clone(),
        members: leaving(request, version),
    });
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::LeaveGroup(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        match decision.await {
            Ok(Ok(members)) => left(members, version),
            Ok(Err(code)) | Err(code) => refused(code),
        }
    })
}

fn leaving(request: LeaveGroupRequest, version: i16) -> Vec<LeavingMember> {
    if version < FIRST_WITH_MEMBERS {
        let member_id = request.member_id.to_string();
        let instance_id = None;
        return vec![LeavingMember {
            member_id,
            instance_id,
        }];
    }
    let group_id = &request.group_id;
    let members = request.members.into_iter().map(|member| {
        if let Some(reason) = &member.reason {
            let (group, member) = (group_id.as_str(), member.member_id.as_str());
            tracing::debug!(group, member, %reason, "a member leaves its group");
        }
        LeavingMember {
            member_id: member.member_id.to_string(),
            instance_id: member.group_instance_id.map(|id| id.to_string()),
        }
    });
    members.collect()
}

fn left(members: Vec<LeftMember>, version: i16) -> LeaveGroupResponse {
    if version < FIRST_WITH_MEMBERS {
        let error = members.first().map_or(ErrorCode::None, |one| one.error);
        return refused(error);
    }
    let members = members.into_iter().map(|member| {
        MemberResponse::default()
            .with_member_id(StrBytes::from_string(member.member_id))
            .with_group_instance_id(member.instance_id.map(StrBytes::from_string))
            .with_error_code(member.error.code())
    });
    LeaveGroupResponse::default().with_members(members.collect())
}

fn refused(code: ErrorCode) -> LeaveGroupResponse {
    LeaveGroupResponse::default().with_error_code(code.code())
}
