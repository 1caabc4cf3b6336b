//! AlterConfigs: configurations are replaced as a whole. Kafka keeps it for old clients; log levels
//! cannot be changed by it.

use std::collections::BTreeSet;

use ottla_metadata::image::Configs;
use ottla_metadata::operations::ConfigChange;
use ottla_protocol::messages::alter_configs_request::AlterableConfig;
use ottla_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use ottla_protocol::messages::{AlterConfigsRequest, AlterConfigsResponse, StrBytes};

use super::alteration::{Outcome, Wanted, admit, decide, refuse_repeated};
use super::resource::{Failure, Kind};
use crate::context::Call;
use crate::net::Reply;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: AlterConfigsRequest) -> Reply {
    let validate_only = request.validate_only;
    let mut names = Vec::with_capacity(request.resources.len());
    let mut wanted = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        wanted.push(Wanted {
            kind: resource.resource_type,
            name: resource.resource_name.to_string(),
            change: replacement(resource.configs).map(Some),
        });
        names.push((resource.resource_type, resource.resource_name));
    }
    refuse_repeated(&mut wanted);
    for one in &mut wanted {
        if one.change.is_ok()
            && let Err(failure) = admit_stored(call, one.kind, &one.name)
        {
            one.change = Err(failure);
        }
    }
    let outcomes = decide(call, wanted, validate_only);
    Reply::later(async move {
        let responses = names.into_iter().zip(outcomes.await);
        let responses = responses.map(|((kind, name), outcome)| response(kind, name, outcome));
        AlterConfigsResponse::default().with_responses(responses.collect())
    })
}

fn replacement(configs: Vec<AlterableConfig>) -> Result<ConfigChange, Failure> {
    let names: BTreeSet<&str> = configs.iter().map(|config| &*config.name).collect();
    if names.len() < configs.len() {
        return Err(Failure::invalid("a key is there more than once"));
    }
    let mut next = Configs::new();
    for config in configs {
        let Some(value) = config.value else {
            let name = &*config.name;
            return Err(Failure::invalid(format!("{name} cannot be null")));
        };
        next.insert(config.name.to_string(), value.to_string());
    }
    Ok(ConfigChange::Replace(next))
}

fn admit_stored(call: Call<'_>, kind: i8, name: &str) -> Result<(), Failure> {
    match admit(call, kind, name)? {
        Kind::BrokerLogger => Err(Failure::invalid("levels of logging change incrementally")),
        Kind::Topic | Kind::Broker | Kind::ClientMetrics | Kind::Group => Ok(()),
    }
}

fn response(kind: i8, name: StrBytes, outcome: Outcome) -> AlterConfigsResourceResponse {
    let response = AlterConfigsResourceResponse::default()
        .with_resource_type(kind)
        .with_resource_name(name);
    match outcome {
        Ok(()) => response.with_error_message(None),
        Err(failure) => response
            .with_error_code(failure.code.code())
            .with_error_message(Some(failure.text())),
    }
}
