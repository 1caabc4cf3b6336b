//! DescribeGroups: members of groups and what they are assigned.

use std::future::Future;

use futures::future::join_all;
use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{DescribeGroup, DescribedGroup as Description};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use ottla_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId, StrBytes};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that say of a group that is not there that it is not.
const FIRST_WITH_NOT_FOUND: i16 = 6;
/// The state of a group that is not there.
const DEAD: &str = "Dead";

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeGroupsRequest) -> Reply {
    let version = call.version();
    let with_operations = request.include_authorized_operations;
    let descriptions = request.groups.into_iter().map(|group_id| {
        let operations = match with_operations {
            true => call.allowed_operations(Resource::Group(&group_id)),
            false => i32::MIN,
        };
        let decision = call
            .may(Operation::Describe, Resource::Group(&group_id))
            .then(|| ask(call, &group_id));
        async move {
            let described = match decision {
                Some(decision) => decision.await.and_then(|result| result),
                None => Err(ErrorCode::GroupAuthorizationFailed),
            };
            let is_there = described != Err(ErrorCode::GroupIdNotFound);
            let group = described_group(group_id, described, version);
            match is_there || version < FIRST_WITH_NOT_FOUND {
                true => group.with_authorized_operations(operations),
                false => group,
            }
        }
    });
    let descriptions = join_all(descriptions.collect::<Vec<_>>());
    Reply::later(async move { DescribeGroupsResponse::default().with_groups(descriptions.await) })
}

fn ask(
    call: Call<'_>,
    group_id: &GroupId,
) -> impl Future<Output = Result<Result<Description, ErrorCode>, ErrorCode>> + Send + use<> {
    let input = Input::DescribeGroup(DescribeGroup {
        group_id: group_id.to_string(),
    });
    call.broker
        .groups
        .ask(group_id, input, |reply| match reply {
            Decision::DescribeGroup(result) => Some(result),
            _ => None,
        })
}

fn described_group(
    group_id: GroupId,
    described: Result<Description, ErrorCode>,
    version: i16,
) -> DescribedGroup {
    let message = format!("there is no group '{}'", group_id.as_str());
    let group = DescribedGroup::default().with_group_id(group_id);
    match described {
        Ok(description) => with_description(group, description),
        Err(ErrorCode::GroupIdNotFound) if version < FIRST_WITH_NOT_FOUND => {
            group.with_group_state(StrBytes::from_static_str(DEAD))
        }
        Err(code @ ErrorCode::GroupIdNotFound) => group
            .with_group_state(StrBytes::from_static_str(DEAD))
            .with_error_code(code.code())
            .with_error_message(Some(StrBytes::from_string(message))),
        Err(code) => group.with_error_code(code.code()),
    }
}

fn with_description(group: DescribedGroup, description: Description) -> DescribedGroup {
    let members = description.members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(StrBytes::from_string(member.member_id))
            .with_group_instance_id(member.instance_id.map(StrBytes::from_string))
            .with_client_id(StrBytes::from_string(member.client_id))
            .with_client_host(StrBytes::from_string(member.client_host))
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    });
    group
        .with_group_state(StrBytes::from_static_str(description.state))
        .with_protocol_type(StrBytes::from_string(description.protocol_type))
        .with_protocol_data(StrBytes::from_string(description.protocol))
        .with_members(members.collect())
}
