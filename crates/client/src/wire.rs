//! The seam to the message codec: requests to bytes, bytes to responses, at a version.
//!
//! Nothing else in this crate knows how a header looks or which versions the codec has.

use bytes::{Bytes, BytesMut};

use kafka_protocol::protocol::{Message, StrBytes};

pub(crate) use kafka_protocol::messages;
pub(crate) use kafka_protocol::messages::{RequestHeader, ResponseHeader};
pub(crate) use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};

use crate::error::ConnectionError;

/// The first and last version of a request that can be written and whose response can be read.
pub(crate) fn versions_spoken<R: Request>() -> (i16, i16) {
    let (request, response) = (R::VERSIONS, R::Response::VERSIONS);
    (request.min.max(response.min), request.max.min(response.max))
}

/// A string as messages have it.
pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// The name of an API, for people.
pub(crate) fn api_name(_key: i16) -> &'static str {
    "api"
}

/// A request as a whole frame: size, header and body.
pub(crate) fn encode_request<R: Request>(
    request: &R,
    version: i16,
    correlation_id: i32,
    client_id: &str,
) -> Result<Vec<Bytes>, ConnectionError> {
    let unencodable = |reason: String| ConnectionError::Unencodable {
        api: api_name(R::KEY),
        version,
        reason,
    };
    let mut buffer = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_string(client_id.to_owned())));
    header
        .encode(&mut buffer, R::header_version(version))
        .map_err(|e| unencodable(e.to_string()))?;
    request
        .encode(&mut buffer, version)
        .map_err(|e| unencodable(e.to_string()))?;
    let size = i32::try_from(buffer.len()).map_err(|e| unencodable(e.to_string()))?;
    Ok(vec![Bytes::copy_from_slice(&size.to_be_bytes()), buffer.freeze()])
}

/// The body of a response frame; the correlation id has been looked at before.
pub(crate) fn decode_response<R: Request>(mut frame: Bytes, version: i16) -> Result<R::Response, ConnectionError> {
    let malformed = |reason: String| ConnectionError::Malformed {
        api: api_name(R::KEY),
        version,
        reason,
    };
    ResponseHeader::decode(&mut frame, R::Response::header_version(version)).map_err(|e| malformed(e.to_string()))?;
    R::Response::decode(&mut frame, version).map_err(|e| malformed(e.to_string()))
}
