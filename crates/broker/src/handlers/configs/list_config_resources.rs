//! ListConfigResources: what can have configurations. Topics and brokers are all named; groups and
//! subscriptions only those that have any.

use std::collections::BTreeSet;

use ottla_metadata::image::{Image, ResourceType};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::list_config_resources_response::ConfigResource;
use ottla_protocol::messages::{ListConfigResourcesRequest, ListConfigResourcesResponse, StrBytes};

use super::resource::Kind;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// The first version that tells of anything but subscriptions to client metrics.
const FIRST_WITH_TYPES: i16 = 1;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ListConfigResourcesRequest) -> Reply {
    let response = ListConfigResourcesResponse::default();
    if !call.may(Operation::DescribeConfigs, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        return Reply::now(response.with_error_code(code.code()));
    }
    let asked: Option<BTreeSet<Kind>> = match call.version() {
        ..FIRST_WITH_TYPES => Some([Kind::ClientMetrics].into()),
        _ if request.resource_types.is_empty() => Some(Kind::ALL.into()),
        _ => request.resource_types.into_iter().map(Kind::of).collect(),
    };
    let Some(kinds) = asked else {
        return Reply::now(response.with_error_code(ErrorCode::UnsupportedVersion.code()));
    };
    let image = call.image();
    let resources = kinds.into_iter().flat_map(|kind| {
        let names = names(&image, kind).into_iter();
        names.map(move |name| {
            ConfigResource::default()
                .with_resource_name(StrBytes::from_string(name))
                .with_resource_type(kind.code())
        })
    });
    Reply::now(response.with_config_resources(resources.collect()))
}

fn names(image: &Image, kind: Kind) -> Vec<String> {
    match kind {
        Kind::Topic => image.topics().map(|topic| topic.name.to_string()).collect(),
        Kind::Broker | Kind::BrokerLogger => image
            .brokers()
            .map(|broker| broker.id.to_string())
            .collect(),
        Kind::ClientMetrics => configured(image, ResourceType::ClientMetrics),
        Kind::Group => configured(image, ResourceType::Group),
    }
}

fn configured(image: &Image, kind: ResourceType) -> Vec<String> {
    let resources = image.configured().filter(|resource| resource.kind == kind);
    resources.map(|resource| resource.name.clone()).collect()
}
