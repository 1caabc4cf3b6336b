//! DescribeCluster: the brokers, and which of them to turn to for changes.

use ottla_protocol::ErrorCode;
use ottla_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use ottla_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse, StrBytes};

use super::view;
use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// What a client wants to see: endpoints of brokers, or of controllers.
const BROKERS: i8 = 1;
const CONTROLLERS: i8 = 2;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: DescribeClusterRequest) -> Reply {
    // The client sends no endpoint type in version 0, and then brokers are meant.
    if request.endpoint_type != BROKERS {
        return Reply::now(wrong_endpoints(call, request.endpoint_type));
    }
    let image = call.image();
    let brokers = view::brokers(call, &image, request.include_fenced_brokers);
    let controller = view::controller(call, &brokers);
    let cluster_id = image.cluster_id().unwrap_or_default().to_owned();
    let brokers = brokers.into_iter().map(|broker| {
        DescribeClusterBroker::default()
            .with_broker_id(broker.id)
            .with_host(broker.host)
            .with_port(broker.port)
            .with_rack(broker.rack)
            .with_is_fenced(broker.is_fenced)
    });
    let mut response = DescribeClusterResponse::default()
        .with_cluster_id(StrBytes::from_string(cluster_id))
        .with_controller_id(controller)
        .with_brokers(brokers.collect());
    if request.include_cluster_authorized_operations {
        response.cluster_authorized_operations = if call.may(Operation::Describe, Resource::Cluster)
        {
            call.allowed_operations(Resource::Cluster)
        } else {
            0
        };
    }
    Reply::now(response)
}

fn wrong_endpoints(call: Call<'_>, asked: i8) -> DescribeClusterResponse {
    let (code, message) = match asked {
        CONTROLLERS => (
            ErrorCode::MismatchedEndpointType,
            "this is an endpoint of a broker, not of a controller".to_owned(),
        ),
        other => (
            ErrorCode::UnsupportedEndpointType,
            format!("there is no endpoint type {other}"),
        ),
    };
    let code = if call.version() == 0 {
        ErrorCode::InvalidRequest
    } else {
        code
    };
    DescribeClusterResponse::default()
        .with_error_code(code.code())
        .with_error_message(Some(StrBytes::from_string(message)))
}
