//! JoinGroup: its answer comes when the group has its next generation.

use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{JoinGroup, JoinRefused, Joined, Protocol};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::join_group_response::JoinGroupResponseMember;
use ottla_protocol::messages::{JoinGroupRequest, JoinGroupResponse, StrBytes};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that say what type of protocol was chosen, and can say that none was.
const FIRST_WITH_PROTOCOL_TYPE: i16 = 7;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: JoinGroupRequest) -> Reply {
    let version = call.version();
    let member_id = request.member_id.to_string();
    if !call.may(Operation::Read, Resource::Group(&request.group_id)) {
        let error = ErrorCode::GroupAuthorizationFailed;
        return Reply::now(refused(JoinRefused { error, member_id }, version));
    }
    let group_id = request.group_id.to_string();
    let input = Input::JoinGroup(input(call, request));
    let decision = call
        .broker
        .groups
        .ask(&group_id, input, |reply| match reply {
            Decision::JoinGroup(result) => Some(result),
            _ => None,
        });
    Reply::later(async move {
        match decision.await {
            Ok(Ok(member)) => joined(member, version),
            Ok(Err(refusal)) => refused(refusal, version),
            Err(error) => refused(JoinRefused { error, member_id }, version),
        }
    })
}

fn input(call: Call<'_>, request: JoinGroupRequest) -> JoinGroup {
    let client_id = call.header.client_id.as_deref().unwrap_or_default();
    let protocols = request.protocols.into_iter().map(|protocol| Protocol {
        name: protocol.name.to_string(),
        metadata: protocol.metadata,
    });
    JoinGroup {
        version: call.version(),
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        client_id: client_id.to_owned(),
        client_host: format!("/{}", call.peer.address.ip()),
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: protocols.collect(),
        member_uuid: call.broker.random_uuid(),
    }
}

fn joined(member: Joined, version: i16) -> JoinGroupResponse {
    let members = member.members.into_iter().map(|one| {
        JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_string(one.member_id))
            .with_group_instance_id(one.instance_id.map(StrBytes::from_string))
            .with_metadata(one.metadata)
    });
    JoinGroupResponse::default()
        .with_generation_id(member.generation)
        .with_protocol_type(member.protocol_type.map(StrBytes::from_string))
        .with_protocol_name(protocol_name(member.protocol, version))
        .with_leader(StrBytes::from_string(member.leader))
        .with_skip_assignment(member.skip_assignment)
        .with_member_id(StrBytes::from_string(member.member_id))
        .with_members(members.collect())
}

fn refused(refusal: JoinRefused, version: i16) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(refusal.error.code())
        .with_generation_id(-1)
        .with_protocol_name(protocol_name(None, version))
        .with_member_id(StrBytes::from_string(refusal.member_id))
}

fn protocol_name(name: Option<String>, version: i16) -> Option<StrBytes> {
    let name = name.map(StrBytes::from_string);
    if version < FIRST_WITH_PROTOCOL_TYPE {
        return Some(name.unwrap_or_default());
    }
    name
}
