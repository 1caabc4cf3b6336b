//! ListGroups: the groups that this broker holds.

use futures::future::join_all;
use ottla_coordinator::machine::{Input, Reply as Decision};
use ottla_coordinator::operations::{ListGroups, ListedGroup as Listed};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_groups_response::ListedGroup;
use ottla_protocol::messages::{ListGroupsRequest, ListGroupsResponse, StrBytes};

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ListGroupsRequest) -> Reply {
    let (machines, is_loading) = call.broker.groups.all();
    if is_loading {
        let code = ErrorCode::CoordinatorLoadInProgress.code();
        return Reply::now(ListGroupsResponse::default().with_error_code(code));
    }
    let texts = |texts: Vec<StrBytes>| texts.into_iter().map(|text| text.to_string()).collect();
    let filter = ListGroups {
        states: texts(request.states_filter),
        types: texts(request.types_filter),
    };
    let answers = machines
        .iter()
        .map(|(_, machine)| machine.questions.ask(Input::ListGroups(filter.clone())));
    let answers = join_all(answers.collect::<Vec<_>>());
    let sees_all = call.may(Operation::Describe, Resource::Cluster);
    let (broker, peer) = (call.broker.clone(), call.peer.clone());
    Reply::later(async move {
        let mut groups = Vec::new();
        for answer in answers.await {
            // A machine that stopped meanwhile has its groups elsewhere.
            if let Ok(Decision::ListGroups(listed)) = answer {
                groups.extend(listed);
            }
        }
        let may_see = |group: &Listed| {
            let group = Resource::Group(&group.group_id);
            sees_all || broker.gate.allows(&peer, Operation::Describe, group)
        };
        let groups = groups.into_iter().filter(may_see).map(shown);
        ListGroupsResponse::default().with_groups(groups.collect())
    })
}

fn shown(group: Listed) -> ListedGroup {
    ListedGroup::default()
        .with_group_id(StrBytes::from_string(group.group_id).into())
        .with_protocol_type(StrBytes::from_string(group.protocol_type))
        .with_group_state(StrBytes::from_static_str(group.state))
        .with_group_type(StrBytes::from_static_str(group.group_type))
}
