//! The client's side: a request to a frame, a frame to a response, generic over the message types.
//!
//! Responses take the same bounded walk as requests: a client must not die of what a broken peer answers.

use bytes::Bytes;

use crate::api::{ApiKey, ApiSpec};
use crate::header::{HeaderError, RequestHeader, read_response_header};
use crate::messages::{ApiRequest, Decodable};
use crate::outgoing::FrameWriter;
use crate::request::BodyError;
use crate::response::EncodeError;
use crate::shape;
use crate::wire::Reader;

/// Writes a request as a whole frame, size field included.
pub fn encode_request<R: ApiRequest>(
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    body: &R,
) -> Result<Bytes, EncodeRequestError> {
    let api = ApiSpec::find(R::KEY).ok_or(EncodeRequestError::UnknownApi { key: R::KEY })?;
    let header = RequestHeader {
        api,
        version,
        correlation_id,
        client_id: client_id.map(str::to_owned),
    };
    let mut frame = FrameWriter::new(EXPECTED_BYTES);
    header.write(frame.buffer())?;
    body.encode(frame.buffer(), version)
        .map_err(|error| EncodeError::Codec(error.to_string()))?;
    Ok(frame.finish().map_err(EncodeError::from)?.to_bytes())
}

const EXPECTED_BYTES: usize = 512;

/// Reads a response to a request of API `R` and this version: its correlation id and its body. The frame is what
/// [`crate::frame::FrameDecoder`] gives.
pub fn decode_response<R: ApiRequest>(
    version: i16,
    frame: Bytes,
) -> Result<(i32, R::Response), DecodeResponseError> {
    let api = ApiSpec::find(R::KEY).ok_or(DecodeResponseError::UnknownApi { key: R::KEY })?;
    let mut reader = Reader::new(&frame);
    let correlation_id = read_response_header(&mut reader, api.response_header_version(version))?;
    let mut body = frame.slice(reader.position()..);
    let malformed = |cause| DecodeResponseError::Malformed {
        api: api.key,
        version,
        cause,
    };
    shape::walk(api.response, version, &body).map_err(|error| malformed(error.into()))?;
    let response = R::Response::decode(&mut body, version)
        .map_err(|error| malformed(BodyError::Codec(error.to_string())))?;
    Ok((correlation_id, response))
}

/// The correlation id at the front of a response, by which a client finds the request that it answers.
pub fn peek_correlation_id(frame: &[u8]) -> Option<i32> {
    frame.first_chunk().copied().map(i32::from_be_bytes)
}

/// Why a request cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodeRequestError {
    /// The API is not in the table.
    #[error("API key {key} is not in the table")]
    UnknownApi {
        /// Its key.
        key: i16,
    },
    /// The header cannot be written.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body cannot be written.
    #[error(transparent)]
    Body(#[from] EncodeError),
}

/// Why a frame is not the response that was waited for.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeResponseError {
    /// The API is not in the table.
    #[error("API key {key} is not in the table")]
    UnknownApi {
        /// Its key.
        key: i16,
    },
    /// The header cannot be read.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The body is not what its API and version say.
    #[error("malformed {api:?} response, version {version}: {cause}")]
    Malformed {
        /// The API.
        api: ApiKey,
        /// The version asked in.
        version: i16,
        /// What is wrong with the body.
        cause: BodyError,
    },
}
