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

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::frame::FrameDecoder;
    use crate::messages::{
        ApiVersionsRequest, ApiVersionsResponse, FetchRequest, ListOffsetsRequest, MetadataRequest,
        StrBytes,
    };
    use crate::request::{Request, decode_request};
    use crate::response::encode_response;

    /// What stands behind the size field.
    fn unframed(frame: Bytes) -> Bytes {
        let decoded = FrameDecoder::new(1024).decode(&mut BytesMut::from(&frame[..]));
        decoded.unwrap().expect("one whole frame")
    }

    #[test]
    fn a_request_arrives_as_it_was_sent() {
        let body = ApiVersionsRequest {
            client_software_name: StrBytes::from_static_str("ottla"),
            client_software_version: StrBytes::from_static_str("1"),
            cluster_id: Some(StrBytes::from_static_str("here")),
            node_id: 3,
            ..ApiVersionsRequest::default()
        };
        let frame = encode_request(5, 42, Some("me"), &body).unwrap();
        let (header, request) = decode_request(unframed(frame)).unwrap();
        assert_eq!(
            (
                header.version,
                header.correlation_id,
                header.client_id.as_deref()
            ),
            (5, 42, Some("me"))
        );
        assert_eq!(request, Request::ApiVersions(body));
    }

    #[test]
    fn a_response_arrives_as_it_was_sent() {
        for version in [0, 5] {
            let header = RequestHeader {
                api: ApiKey::ApiVersions.spec(),
                version,
                correlation_id: 7,
                client_id: None,
            };
            let sent = ApiVersionsResponse::default();
            let frame = encode_response(&header, sent.clone().into())
                .unwrap()
                .to_bytes();
            let frame = unframed(frame);
            assert_eq!(peek_correlation_id(&frame), Some(7));
            assert_eq!(
                decode_response::<ApiVersionsRequest>(version, frame),
                Ok((7, sent))
            );
        }
    }

    #[test]
    fn an_answer_to_an_unsupported_version_reads_as_version_0() {
        let header = RequestHeader {
            api: ApiKey::ApiVersions.spec(),
            version: 9,
            correlation_id: 7,
            client_id: None,
        };
        let frame = crate::response::answer_to_unsupported_version(&header)
            .unwrap()
            .to_bytes();
        let (_, response) = decode_response::<ApiVersionsRequest>(0, unframed(frame)).unwrap();
        assert_eq!(
            (response.error_code, response.api_keys[0].max_version),
            (35, 5)
        );
    }

    #[test]
    fn a_version_that_the_message_does_not_have_is_not_written() {
        let written = encode_request(12, 1, None, &ListOffsetsRequest::default());
        assert!(
            matches!(
                written,
                Err(EncodeRequestError::Body(EncodeError::Codec(_)))
            ),
            "{written:?}"
        );
    }

    #[test]
    fn a_response_that_lies_about_its_counts_is_refused_before_it_is_decoded() {
        let frame = Bytes::from_static(b"\0\0\0\x07\0\0\0\0\0\xff\xff\xff\xff\x0f");
        let decoded = decode_response::<MetadataRequest>(9, frame);
        assert!(matches!(
            decoded,
            Err(DecodeResponseError::Malformed {
                cause: BodyError::Shape(_),
                ..
            })
        ));
    }

    #[test]
    fn an_empty_response_is_an_error() {
        let decoded = decode_response::<FetchRequest>(12, Bytes::new());
        assert!(matches!(decoded, Err(DecodeResponseError::Header(_))));
        assert_eq!(peek_correlation_id(b"\0\0\0"), None);
    }
}
