//! UpdateFeatures: the levels of features that the cluster runs with.

use std::time::Duration;

use ottla_metadata::operations::{FeatureUpdate, Refused, UpdateFeatures};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::update_features_request::FeatureUpdateKey;
use ottla_protocol::messages::update_features_response::UpdatableFeatureResult;
use ottla_protocol::messages::{StrBytes, UpdateFeaturesRequest, UpdateFeaturesResponse};
use tokio::time::timeout;

use crate::authorize::{Operation, Resource};
use crate::context::Call;
use crate::net::Reply;

/// Versions that are told of all features at once.
const FIRST_WITHOUT_RESULTS: i16 = 2;
/// Kafka's numbers of kinds (`FeatureUpdate.UpgradeType`).
const UPGRADE: i8 = 1;
const SAFE_DOWNGRADE: i8 = 2;
const UNSAFE_DOWNGRADE: i8 = 3;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: UpdateFeaturesRequest) -> Reply {
    let version = call.version();
    if !call.may(Operation::Alter, Resource::Cluster) {
        let code = ErrorCode::ClusterAuthorizationFailed;
        return Reply::now(refusal(Refused::plain(code)));
    }
    let names: Vec<StrBytes> = request
        .feature_updates
        .iter()
        .map(|update| update.feature.clone())
        .collect();
    let features = request.feature_updates.iter();
    let features = features.map(|one| (one.feature.to_string(), update(one)));
    let changed = call.broker.metadata.update_features(UpdateFeatures {
        features: features.collect(),
        validate_only: request.validate_only,
    });
    let patience = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    Reply::later(async move {
        match timeout(patience, changed).await {
            Ok(Ok(Ok(()))) if version < FIRST_WITHOUT_RESULTS => {
                let results = names
                    .into_iter()
                    .map(|name| UpdatableFeatureResult::default().with_feature(name));
                done().with_results(results.collect())
            }
            Ok(Ok(Ok(()))) => done(),
            Ok(Ok(Err(refused))) => refusal(refused),
            Ok(Err(code)) => refusal(Refused::plain(code)),
            Err(_elapsed) => refusal(Refused::plain(ErrorCode::RequestTimedOut)),
        }
    })
}

fn update(one: &FeatureUpdateKey) -> FeatureUpdate {
    // Of version 0, which has no type and whose `AllowDowngrade` no controller of Kafka looks at, it is `UPGRADE`.
    let downgrades = match one.upgrade_type {
        UPGRADE => Some(false),
        SAFE_DOWNGRADE | UNSAFE_DOWNGRADE => Some(true),
        _ => None,
    };
    FeatureUpdate {
        level: one.max_version_level,
        downgrades,
    }
}

fn done() -> UpdateFeaturesResponse {
    UpdateFeaturesResponse::default().with_error_message(None)
}

fn refusal(refused: Refused) -> UpdateFeaturesResponse {
    UpdateFeaturesResponse::default()
        .with_error_code(refused.code.code())
        .with_error_message(Some(StrBytes::from_string(refused.message)))
}
