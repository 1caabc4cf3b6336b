//! Which version of each API both sides speak.

use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;

use crate::error::ConnectionError;
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::wire::{Request, api_name, versions_spoken};

/// What a broker says it serves.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Versions {
    served: BTreeMap<i16, (i16, i16)>,
}

impl Versions {
    /// Takes over the list of an ApiVersions response.
    pub(crate) fn from_response(response: &ApiVersionsResponse) -> Self {
        let served = response.api_keys.iter();
        Versions {
            served: served
                .map(|api| (api.api_key, (api.min_version, api.max_version)))
                .collect(),
        }
    }

    /// The highest version of `R` that both sides have.
    pub fn pick<R: Request>(&self) -> Result<i16, ConnectionError> {
        self.pick_at_most::<R>(i16::MAX)
    }

    /// The highest version of `R` up to `newest` that both sides have.
    pub fn pick_at_most<R: Request>(&self, newest: i16) -> Result<i16, ConnectionError> {
        let (first, last) = versions_spoken::<R>();
        let ours = (first, last.min(newest));
        let theirs = self.served.get(&R::KEY).copied();
        let agreed = theirs
            .map(|(first, last)| (first.max(ours.0), last.min(ours.1)))
            .filter(|(first, last)| first <= last);
        match agreed {
            Some((_, last)) => Ok(last),
            None => Err(ConnectionError::Unsupported {
                api: api_name(R::KEY),
                ours,
                theirs,
            }),
        }
    }

    /// First and last version served of an API, as the broker said it.
    pub fn served(&self, api_key: i16) -> Option<(i16, i16)> {
        self.served.get(&api_key).copied()
    }

    /// Every API served: key, first and last version.
    pub fn iter(&self) -> impl Iterator<Item = (i16, i16, i16)> {
        self.served
            .iter()
            .map(|(&key, &(first, last))| (key, first, last))
    }
}

/// What to make of a response to ApiVersions.
#[derive(Debug)]
pub(crate) enum Negotiated {
    /// Both sides know each other's versions.
    Agreed(Versions),
    /// The broker does not have the version asked in; ask again in this one.
    AskAgainIn(i16),
}

/// The version of ApiVersions to begin with.
pub(crate) fn first_version() -> i16 {
    versions_spoken::<ApiVersionsRequest>().1
}

/// The version in which a response to ApiVersions is to be read: a broker that does not know the version asked in
/// answers in version 0, and both begin with the error code.
pub(crate) fn version_of_response(asked: i16, body: &[u8]) -> i16 {
    let code = body
        .first_chunk::<2>()
        .map(|code| i16::from_be_bytes(*code));
    match code {
        Some(code) if code == ErrorCode::UnsupportedVersion.code() => 0,
        _ => asked,
    }
}

/// Judges a response to ApiVersions that was asked in version `asked`.
pub(crate) fn judge(
    asked: i16,
    response: &ApiVersionsResponse,
) -> Result<Negotiated, ConnectionError> {
    match ErrorCode::from_code(response.error_code) {
        ErrorCode::None => Ok(Negotiated::Agreed(Versions::from_response(response))),
        ErrorCode::UnsupportedVersion if asked > 0 => {
            let listed = Versions::from_response(response).pick::<ApiVersionsRequest>();
            // A broker that lists nothing, or the version it just refused, is asked in the oldest one.
            let version = listed.ok().filter(|&version| version < asked).unwrap_or(0);
            Ok(Negotiated::AskAgainIn(version))
        }
        refused => Err(ConnectionError::NegotiationRefused(refused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::messages::api_versions_response::{self, ApiVersion};
    use crate::wire::messages::{FetchRequest, MetadataRequest};

    fn response(error: ErrorCode, apis: &[(i16, i16, i16)]) -> ApiVersionsResponse {
        let keys = apis.iter().map(|&(key, min, max)| {
            ApiVersion::default()
                .with_api_key(key)
                .with_min_version(min)
                .with_max_version(max)
        });
        api_versions_response::ApiVersionsResponse::default()
            .with_error_code(error.code())
            .with_api_keys(keys.collect())
            .into()
    }

    fn versions(apis: &[(i16, i16, i16)]) -> Versions {
        Versions::from_response(&response(ErrorCode::None, apis))
    }

    #[test]
    fn the_highest_common_version_is_picked() {
        assert_eq!(versions(&[(3, 0, 5)]).pick::<MetadataRequest>().unwrap(), 5);
        let ours = versions_spoken::<MetadataRequest>().1;
        assert_eq!(
            versions(&[(3, 0, 999)]).pick::<MetadataRequest>().unwrap(),
            ours
        );
    }

    #[test]
    fn a_caller_may_want_a_version_less() {
        let versions = versions(&[(3, 0, 12)]);
        assert_eq!(versions.pick_at_most::<MetadataRequest>(9).unwrap(), 9);
        assert!(versions.pick_at_most::<MetadataRequest>(-1).is_err());
    }

    #[test]
    fn without_a_common_version_the_error_names_both_ranges() {
        let error = versions(&[(1, 0, 2)]).pick::<FetchRequest>().unwrap_err();
        assert!(matches!(
            error,
            ConnectionError::Unsupported {
                theirs: Some((0, 2)),
                ..
            }
        ));
        let error = versions(&[]).pick::<FetchRequest>().unwrap_err();
        assert!(matches!(
            error,
            ConnectionError::Unsupported { theirs: None, .. }
        ));
    }

    #[test]
    fn an_older_broker_is_asked_again_in_its_own_version() {
        let refusal = response(ErrorCode::UnsupportedVersion, &[(18, 0, 2)]);
        assert!(matches!(judge(4, &refusal), Ok(Negotiated::AskAgainIn(2))));
    }

    #[test]
    fn a_broker_that_lists_nothing_is_asked_in_version_0_and_only_once() {
        let refusal = response(ErrorCode::UnsupportedVersion, &[]);
        assert!(matches!(judge(4, &refusal), Ok(Negotiated::AskAgainIn(0))));
        assert!(matches!(
            judge(0, &refusal),
            Err(ConnectionError::NegotiationRefused(
                ErrorCode::UnsupportedVersion
            ))
        ));
    }

    #[test]
    fn a_refusal_is_read_in_version_0() {
        assert_eq!(version_of_response(4, &35i16.to_be_bytes()), 0);
        assert_eq!(version_of_response(4, &0i16.to_be_bytes()), 4);
        assert_eq!(version_of_response(4, &[]), 4);
    }
}
