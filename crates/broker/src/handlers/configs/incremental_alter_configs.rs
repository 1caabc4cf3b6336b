//! IncrementalAlterConfigs: single keys of configurations change, and levels of logging.

use std::collections::{BTreeMap, BTreeSet};

use ottla_metadata::operations::{ConfigChange, KeyChange};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use ottla_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse;
use ottla_protocol::messages::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, StrBytes,
};

use super::alteration::{Outcome, Wanted, admit, decide, refuse_repeated};
use super::resource::{Failure, Kind};
use crate::context::Call;
use crate::loggers::{Level, LevelChange, Loggers, ROOT};
use crate::net::Reply;

type Changes = BTreeMap<String, KeyChange>;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: IncrementalAlterConfigsRequest) -> Reply {
    let validate_only = request.validate_only;
    let mut names = Vec::with_capacity(request.resources.len());
    let mut wanted = Vec::with_capacity(request.resources.len());
    for resource in request.resources {
        wanted.push(Wanted {
            kind: resource.resource_type,
            name: resource.resource_name.to_string(),
            change: changes(resource.configs),
        });
        names.push((resource.resource_type, resource.resource_name));
    }
    refuse_repeated(&mut wanted);
    let wanted = wanted.into_iter().map(|one| {
        let Wanted { kind, name, change } = one;
        let change =
            change.and_then(|changes| carry_out(call, kind, &name, changes, validate_only));
        Wanted { kind, name, change }
    });
    let outcomes = decide(call, wanted.collect(), validate_only);
    Reply::later(async move {
        let responses = names.into_iter().zip(outcomes.await);
        let responses = responses.map(|((kind, name), outcome)| response(kind, name, outcome));
        IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
    })
}

fn changes(configs: Vec<AlterableConfig>) -> Result<Changes, Failure> {
    let names: BTreeSet<&str> = configs.iter().map(|config| &*config.name).collect();
    if names.len() < configs.len() {
        return Err(Failure::invalid("a key is there more than once"));
    }
    let mut changes = Changes::new();
    for config in configs {
        let name = config.name.to_string();
        let change = key_change(config.config_operation, config.value.as_deref())
            .map_err(|reason| Failure::invalid(format!("{name}: {reason}")))?;
        changes.insert(name, change);
    }
    Ok(changes)
}

fn key_change(operation: i8, value: Option<&str>) -> Result<KeyChange, String> {
    const DELETE: i8 = 1;
    if operation == DELETE {
        return Ok(KeyChange::Delete);
    }
    let value = value.ok_or("its value cannot be null")?.to_owned();
    match operation {
        0 => Ok(KeyChange::Set(value)),
        2 => Ok(KeyChange::Append(value)),
        3 => Ok(KeyChange::Subtract(value)),
        unknown => Err(format!("unknown operation {unknown}")),
    }
}

/// Changes levels of logging at once; gives what the metadata is to be asked for.
fn carry_out(
    call: Call<'_>,
    kind: i8,
    name: &str,
    changes: Changes,
    validate_only: bool,
) -> Result<Option<ConfigChange>, Failure> {
    match admit(call, kind, name)? {
        Kind::Topic | Kind::Broker | Kind::ClientMetrics | Kind::Group => {
            Ok(Some(ConfigChange::Update(changes)))
        }
        Kind::BrokerLogger => {
            let loggers = &call.broker.loggers;
            let changes = level_changes(loggers, changes)?;
            if !validate_only {
                let changed = loggers.change(&changes);
                changed.map_err(|why| Failure::because(ErrorCode::UnknownServerError, why))?;
                tracing::warn!(?changes, "levels of logging changed");
            }
            Ok(None)
        }
    }
}

fn level_changes(
    loggers: &Loggers,
    changes: Changes,
) -> Result<BTreeMap<String, LevelChange>, Failure> {
    let changes = changes.into_iter().map(|(name, change)| {
        let change = level_change(loggers, &name, change)?;
        Ok((name, change))
    });
    changes.collect()
}

fn level_change(loggers: &Loggers, name: &str, change: KeyChange) -> Result<LevelChange, Failure> {
    let is_list_change = matches!(change, KeyChange::Append(_) | KeyChange::Subtract(_));
    if is_list_change {
        return Err(Failure::invalid("a level of logging is not a list"));
    }
    let refused = |why| Err(Failure::because(ErrorCode::InvalidConfig, why));
    if !loggers.exists(name) {
        return refused(format!("there is no logger {name}"));
    }
    match change {
        KeyChange::Set(level) => match Level::parse(&level) {
            Some(level) => Ok(LevelChange::Set(level)),
            None => refused(format!(
                "{name} cannot have the level {level}: levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN"
            )),
        },
        _ if name == ROOT => Err(Failure::invalid("the root logger must have a level")),
        _ => Ok(LevelChange::Unset),
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
