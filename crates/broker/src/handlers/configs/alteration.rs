//! What AlterConfigs and IncrementalAlterConfigs have in common: the checks that any broker makes, and
//! the question to the metadata.
//!
//! Each resource gets its own outcome, in the order of the request. A broker is changed through itself
//! alone, because only it knows what it can run with.

use std::collections::BTreeMap;

use futures::future::Either;
use ottla_metadata::image::{ConfigResource, ResourceType};
use ottla_metadata::operations::{AlterConfigs, ConfigChange, ResourceChange};
use ottla_protocol::ErrorCode;
use tokio::time::timeout;

use super::resource::{Failure, Kind, check_broker};
use crate::authorize::Operation;
use crate::context::Call;
use crate::limits::ALTER_CONFIGS_MAX;

/// A resource and what becomes of it.
pub(super) struct Wanted<T> {
    pub(super) kind: i8,
    pub(super) name: String,
    pub(super) change: Result<T, Failure>,
}

/// What became of a resource.
pub(super) type Outcome = Result<(), Failure>;

/// Fails every resource that is named more than once.
pub(super) fn refuse_repeated<T>(wanted: &mut [Wanted<T>]) {
    let mut counts: BTreeMap<(i8, String), u32> = BTreeMap::new();
    for one in wanted.iter() {
        *counts.entry((one.kind, one.name.clone())).or_default() += 1;
    }
    for one in wanted {
        if counts[&(one.kind, one.name.clone())] > 1 {
            one.change = Err(Failure::invalid("a resource is named more than once"));
        }
    }
}

/// The kind of a resource that may be changed by the peer, through this broker.
pub(super) fn admit(call: Call<'_>, kind: i8, name: &str) -> Result<Kind, Failure> {
    let Some(kind) = Kind::of(kind) else {
        return Err(Failure::invalid(format!("unknown resource type {kind}")));
    };
    kind.authorize(call, Operation::AlterConfigs, name)?;
    let is_one_broker = match kind {
        Kind::Broker => !name.is_empty(),
        Kind::BrokerLogger => true,
        Kind::Topic | Kind::ClientMetrics | Kind::Group => false,
    };
    if is_one_broker {
        check_broker(call, name)?;
    }
    Ok(kind)
}

/// Asks the metadata for those that have not failed yet, and gives the outcomes of all.
pub(super) fn decide(
    call: Call<'_>,
    wanted: Vec<Wanted<Option<ConfigChange>>>,
    validate_only: bool,
) -> impl Future<Output = Vec<Outcome>> + use<> {
    let mut outcomes = Vec::new();
    let mut places = Vec::new();
    let mut resources = Vec::new();
    for (place, one) in wanted.into_iter().enumerate() {
        outcomes.push(match (one.change, ResourceType::from_code(one.kind)) {
            (Ok(Some(change)), Some(kind)) => {
                let name = one.name;
                let resource = ConfigResource { kind, name };
                resources.push(ResourceChange { resource, change });
                places.push(place);
                Ok(())
            }
            (Ok(_), _) => Ok(()),
            (Err(failure), _) => Err(failure),
        });
    }
    if resources.is_empty() {
        return Either::Left(std::future::ready(outcomes));
    }
    let broker = &call.broker;
    let decision = broker.metadata.alter_configs(AlterConfigs {
        resources,
        validate_only,
        broker: broker.node_id,
        defaults: broker.defaults.current(),
    });
    Either::Right(async move {
        let failed = match timeout(ALTER_CONFIGS_MAX, decision).await {
            Ok(Ok(decided)) => {
                for (place, result) in places.into_iter().zip(decided) {
                    outcomes[place] = result.map_err(Failure::from);
                }
                return outcomes;
            }
            Ok(Err(code)) => code,
            Err(_elapsed) => ErrorCode::RequestTimedOut,
        };
        for place in places {
            outcomes[place] = Err(failed.into());
        }
        outcomes
    })
}
