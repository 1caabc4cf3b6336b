//! The seam to the message codec: requests to bytes, bytes to responses, with this crate's errors.

use bytes::Bytes;
use ottla_protocol::api::ApiSpec;
use ottla_protocol::exchange;

pub(crate) use ottla_protocol::messages;
pub(crate) use ottla_protocol::messages::{ApiRequest as Request, StrBytes};

use crate::error::ConnectionError;

/// The first and last version of a request that can be written and whose response can be read.
pub(crate) fn versions_spoken<R: Request>() -> (i16, i16) {
    // An API that is not in the table has no version: nothing is ever sent of it.
    ApiSpec::find(R::KEY).map_or((0, -1), |api| (api.min, api.max))
}

/// A string as messages have it.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// The name of an API, for people.
pub(crate) fn api_name(key: i16) -> &'static str {
    ApiSpec::find(key).map_or("an unknown API", |api| api.name)
}

/// A request as a whole frame: size, header and body.
pub(crate) fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: &str,
) -> Result<Vec<Bytes>, ConnectionError> {
    let frame = exchange::encode_request(version, correlation_id, Some(client_id), request);
    let frame = frame.map_err(|error| ConnectionError::Unencodable {
        api: api_name(R::KEY),
        version,
        reason: error.to_string(),
    })?;
    Ok(vec![frame])
}

/// The body of a response frame; the correlation id has been looked at before.
pub(crate) fn decode_response<R: Request>(
    frame: Bytes,
    version: i16,
) -> Result<R::Response, ConnectionError> {
    let response = exchange::decode_response::<R>(version, frame);
    let (_, response) = response.map_err(|error| ConnectionError::Malformed {
        api: api_name(R::KEY),
        version,
        reason: error.to_string(),
    })?;
    Ok(response)
}
