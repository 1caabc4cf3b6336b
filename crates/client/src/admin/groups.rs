//! Listing, describing and deleting groups.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::future::join_all;
use ottla_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use ottla_protocol::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, GroupId, ListGroupsRequest, ListGroupsResponse,
    delete_groups_request,
};
use ottla_protocol::{ErrorCode, NodeId};

use super::coordinators::{ANY_VERSION, check, refused, subject};
use super::{Admin, assignment};
use crate::client::IfMissing;
use crate::cluster::Broker;
use crate::error::ClientError;
use crate::limits::GROUPS_IN_FLIGHT_MAX;
use crate::partition::TopicPartition;
use crate::wire::{StrBytes, text};

/// The version of ListGroups from which on states can be asked for.
const FIRST_WITH_STATES: i16 = 4;
/// What brokers say before version 6 of DescribeGroups of a group that is not there.
const DEAD: &str = "Dead";

/// A group in a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListedGroup {
    /// Its id.
    pub id: String,
    /// What its members speak among themselves: `consumer` for consumers, nothing for a group that only keeps offsets.
    pub protocol_type: String,
    /// Its state, such as `Stable` or `Empty`; empty from a broker that does not tell.
    pub state: String,
    /// The kind of group, such as `classic`; empty from a broker that does not tell.
    pub group_type: String,
}

/// A group as its coordinator knows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupDescription {
    /// Its id.
    pub id: String,
    /// Its state, such as `Stable` or `Empty`.
    pub state: String,
    /// What its members speak among themselves.
    pub protocol_type: String,
    /// What they agreed on: for consumers the assignor.
    pub protocol: String,
    /// The broker that coordinates it.
    pub coordinator: Broker,
    /// Who is in it.
    pub members: Vec<GroupMember>,
}

/// A member of a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub id: String,
    /// The name it keeps over restarts, if it has one.
    pub instance_id: Option<String>,
    /// What it calls itself.
    pub client_id: String,
    /// Where it comes from.
    pub host: String,
    /// The partitions assigned to it; empty if it is no consumer.
    pub assigned: Vec<TopicPartition>,
}

impl Admin<'_> {
    /// The groups of all brokers in order of their ids; with `states` only those in one of them.
    pub async fn list_groups(&self, states: &[String]) -> Result<Vec<ListedGroup>, ClientError> {
        let attempt = |_| async move {
            // Each broker lists the groups that it coordinates, so all there are have to be asked.
            self.client.renew(&[], IfMissing::Fail).await?;
            let nodes: Vec<NodeId> = self.client.view().brokers.keys().copied().collect();
            let answers = join_all(nodes.iter().map(|&node| self.list_on(node, states))).await;
            answers.into_iter().collect::<Result<Vec<_>, ClientError>>()
        };
        let groups = self.client.retry(attempt).await?;
        let by_id = groups.into_iter().flatten();
        let by_id: BTreeMap<String, ListedGroup> =
            by_id.map(|group| (group.id.clone(), group)).collect();
        Ok(by_id.into_values().collect())
    }

    async fn list_on(
        &self,
        node: NodeId,
        states: &[String],
    ) -> Result<Vec<ListedGroup>, ClientError> {
        let build = |version| match version {
            FIRST_WITH_STATES.. => ListGroupsRequest::default()
                .with_states_filter(states.iter().map(|state| text(state)).collect()),
            _ => ListGroupsRequest::default(),
        };
        let response: ListGroupsResponse = self.client.ask(node, build).await?;
        let code = ErrorCode::from_code(response.error_code);
        if code.is_error() {
            let subject = format!("the groups of broker {node}");
            return Err(ClientError::refused(subject, code, None));
        }
        let listed = response.groups.into_iter().map(|group| ListedGroup {
            id: group.group_id.to_string(),
            protocol_type: group.protocol_type.to_string(),
            state: group.group_state.to_string(),
            group_type: group.group_type.to_string(),
        });
        // A broker that cannot filter has listed all; one that tells no state cannot be filtered.
        let wanted = |group: &ListedGroup| {
            states.is_empty()
                || group.state.is_empty()
                || states
                    .iter()
                    .any(|state| state.eq_ignore_ascii_case(&group.state))
        };
        Ok(listed.filter(wanted).collect())
    }

    /// Describes groups. The outcomes come in the order asked.
    pub async fn describe_groups(
        &self,
        groups: &[&str],
    ) -> Vec<Result<GroupDescription, ClientError>> {
        let described = groups.iter().map(|group| self.describe_group(group));
        futures::stream::iter(described)
            .buffered(GROUPS_IN_FLIGHT_MAX)
            .collect()
            .await
    }

    /// Describes a group. One that is not there is refused with `GROUP_ID_NOT_FOUND`, by old brokers too.
    pub async fn describe_group(&self, group: &str) -> Result<GroupDescription, ClientError> {
        let build = |_| DescribeGroupsRequest::default().with_groups(vec![GroupId(text(group))]);
        let code = |response: &ottla_protocol::messages::DescribeGroupsResponse| {
            response.groups.first().map_or(0, |group| group.error_code)
        };
        let (coordinator, response) = self.on_coordinator(group, ANY_VERSION, build, code).await?;
        let told = response.groups.into_iter().next();
        let told = told.ok_or_else(|| nothing_about("DescribeGroups", group))?;
        description(group, coordinator, told)
    }

    /// Deletes groups with their offsets. The outcomes come in the order asked.
    pub async fn delete_groups(&self, groups: &[&str]) -> Vec<Result<(), ClientError>> {
        let deleted = groups.iter().map(|group| self.delete_group(group));
        futures::stream::iter(deleted)
            .buffered(GROUPS_IN_FLIGHT_MAX)
            .collect()
            .await
    }

    async fn delete_group(&self, group: &str) -> Result<(), ClientError> {
        let build = |_| {
            let named = vec![GroupId(text(group))];
            DeleteGroupsRequest::from(
                delete_groups_request::DeleteGroupsRequest::default().with_groups_names(named),
            )
        };
        let code = |response: &ottla_protocol::messages::DeleteGroupsResponse| {
            response.results.first().map_or(0, |told| told.error_code)
        };
        let (_, response) = self.on_coordinator(group, ANY_VERSION, build, code).await?;
        let told = response.results.first();
        let told = told.ok_or_else(|| nothing_about("DeleteGroups", group))?;
        check(
            group,
            told.error_code,
            told.error_message.as_ref().map(|text| text.as_str()),
        )
    }
}

fn description(
    group: &str,
    coordinator: Broker,
    told: DescribedGroup,
) -> Result<GroupDescription, ClientError> {
    let detail = told.error_message.as_ref().map(|text| text.as_str());
    check(group, told.error_code, detail)?;
    if told.group_state.as_str() == DEAD {
        return Err(refused(group, ErrorCode::GroupIdNotFound, None));
    }
    let is_of_consumers = told.protocol_type.as_str() == assignment::PROTOCOL_TYPE;
    let mut members: Vec<GroupMember> = told
        .members
        .iter()
        .map(|told| member(told, is_of_consumers))
        .collect();
    members.sort_by(|one, other| (&one.client_id, &one.id).cmp(&(&other.client_id, &other.id)));
    Ok(GroupDescription {
        id: group.to_owned(),
        state: told.group_state.to_string(),
        protocol_type: told.protocol_type.to_string(),
        protocol: told.protocol_data.to_string(),
        coordinator,
        members,
    })
}

fn member(told: &DescribedGroupMember, is_consumer: bool) -> GroupMember {
    // What a member that is no consumer was given is known to its own kind alone; so is what does not read.
    let assigned = is_consumer.then(|| assignment::read(&told.member_assignment));
    GroupMember {
        id: told.member_id.to_string(),
        instance_id: told.group_instance_id.as_ref().map(StrBytes::to_string),
        client_id: told.client_id.to_string(),
        host: told.client_host.to_string(),
        assigned: assigned.and_then(Result::ok).unwrap_or_default(),
    }
}

fn nothing_about(api: &'static str, group: &str) -> ClientError {
    ClientError::Incomplete {
        api,
        subject: subject(group),
    }
}
