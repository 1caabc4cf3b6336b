//! ApiVersions: which APIs, versions and features are here. It is the first that a client asks.
//!
//! A version that is not served never comes here: the network layer answers it. From version 5 on a
//! client says whom it believes to have reached; one that has reached somebody else is sent back to
//! its bootstrap servers.

use ottla_metadata::image::Image;
use ottla_protocol::ErrorCode;
use ottla_protocol::api::SERVED;
use ottla_protocol::messages::api_versions_response::{
    self, ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use ottla_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, StrBytes};

use crate::context::Call;
use crate::features::SUPPORTED;
use crate::net::Reply;

/// Versions in which a client says what it is.
const FIRST_WITH_SOFTWARE: i16 = 3;
/// Versions that can express a feature whose lowest level is 0.
const FIRST_WITH_LEVEL_ZERO: i16 = 4;
/// Versions in which a client says whom it believes to have reached.
const FIRST_WITH_DESTINATION: i16 = 5;

/// Handles one request.
pub(crate) fn handle(call: Call<'_>, request: ApiVersionsRequest) -> Reply {
    let image = call.image();
    let response = match check(call, &image, &request) {
        Ok(()) => served(call, &image),
        Err(code) => {
            api_versions_response::ApiVersionsResponse::default().with_error_code(code.code())
        }
    };
    Reply::now(ApiVersionsResponse(response))
}

fn check(call: Call<'_>, image: &Image, request: &ApiVersionsRequest) -> Result<(), ErrorCode> {
    let version = call.version();
    let (cluster, node) = (request.cluster_id.as_deref(), request.node_id);
    if version >= FIRST_WITH_DESTINATION && cluster.is_some() != (node != -1) {
        return Err(ErrorCode::InvalidRequest);
    }
    let names = [
        &request.client_software_name,
        &request.client_software_version,
    ];
    if version >= FIRST_WITH_SOFTWARE && !names.into_iter().all(|name| is_software_name(name)) {
        return Err(ErrorCode::InvalidRequest);
    }
    let elsewhere = cluster.is_some_and(|cluster| image.cluster_id() != Some(cluster))
        || (node != -1 && node != call.broker.node_id.0);
    if version >= FIRST_WITH_DESTINATION && elsewhere {
        return Err(ErrorCode::RebootstrapRequired);
    }
    Ok(())
}

/// Letters, digits, dots and dashes, the last two only within.
fn is_software_name(name: &str) -> bool {
    let within = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let ends = [name.bytes().next(), name.bytes().next_back()];
    name.bytes().all(within)
        && ends
            .into_iter()
            .all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
}

fn served(call: Call<'_>, image: &Image) -> api_versions_response::ApiVersionsResponse {
    let apis = SERVED.iter().map(|api| {
        ApiVersion::default()
            .with_api_key(api.key.code())
            .with_min_version(api.advertised_min)
            .with_max_version(api.max)
    });
    let response =
        api_versions_response::ApiVersionsResponse::default().with_api_keys(apis.collect());
    if call.version() < FIRST_WITH_SOFTWARE {
        return response;
    }
    // Older clients cannot read a lowest level of 0.
    let shown = SUPPORTED
        .iter()
        .filter(|feature| feature.min > 0 || call.version() >= FIRST_WITH_LEVEL_ZERO);
    let supported = shown.map(|feature| {
        SupportedFeatureKey::default()
            .with_name(StrBytes::from_static_str(feature.name))
            .with_min_version(feature.min)
            .with_max_version(feature.max)
    });
    let finalized = image
        .features()
        .filter(|&(_, level)| level != 0)
        .map(|(name, level)| {
            FinalizedFeatureKey::default()
                .with_name(StrBytes::from_string(name.to_owned()))
                .with_min_version_level(level)
                .with_max_version_level(level)
        });
    response
        .with_supported_features(supported.collect())
        .with_finalized_features(finalized.collect())
        .with_finalized_features_epoch(call.broker.images.end_offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn software_names_are_taken_as_kafka_takes_them() {
        for good in ["a", "librdkafka", "apache-kafka-java", "4.4.0", "v1.2-rc.1"] {
            assert!(is_software_name(good), "{good}");
        }
        for bad in ["", "-a", "a-", ".", "a b", "a_b", "ä"] {
            assert!(!is_software_name(bad), "{bad}");
        }
    }
}
