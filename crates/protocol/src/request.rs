//! A frame to a request.
//!
//! The order matters: header, then whether the version is served, then the bounded walk over the body, and only
//! then kafka-protocol's decoding, which trusts the counts it finds. Record batches stay slices of the frame, and so
//! does every string: copy what outlives the request.

use bytes::Bytes;

use crate::api::{ApiKey, ApiSpec, for_each_api};
use crate::header::HeaderError;
use crate::messages::*;
use crate::shape::{self, ShapeError};
use crate::wire::Reader;

pub use crate::header::RequestHeader;

macro_rules! define_request {
    ($(
        $(#[doc = $purpose:literal])+
        $name:ident = $key:literal, $request:ident => $response:ident,
        $min:literal ..= $max:literal, advertised $advertised:literal, flexible $flexible:literal;
    )+) => {
        /// A request of any API that is served.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Request {
            $($(#[doc = $purpose])+ $name($request),)+
        }

        impl Request {
            /// The API that this is a request of.
            pub fn api(&self) -> ApiKey {
                match self {
                    $(Request::$name(_) => ApiKey::$name,)+
                }
            }
        }

        fn decode_known_body(api: ApiKey, version: i16, body: &mut Bytes) -> Result<Request, BodyError> {
            match api {
                $(ApiKey::$name => decode_as::<$request>(version, body).map(Request::$name),)+
            }
        }
    };
}
for_each_api!(define_request);

/// Reads a whole request. The frame is what [`crate::frame::FrameDecoder`] gives.
pub fn decode_request(frame: Bytes) -> Result<(RequestHeader, Request), DecodeError> {
    let mut reader = Reader::new(&frame);
    let header = RequestHeader::read(&mut reader).map_err(DecodeError::Header)?;
    if !header.api.serves(header.version) {
        return Err(DecodeError::UnsupportedVersion { header });
    }
    let body = frame.slice(reader.position()..);
    match decode_body(header.api, header.version, body) {
        Ok(request) => Ok((header, request)),
        Err(cause) => Err(DecodeError::Malformed { header, cause }),
    }
}

/// Reads the body of a request alone. Bytes after its end are ignored, as Kafka does.
pub fn decode_body(
    api: &'static ApiSpec,
    version: i16,
    mut body: Bytes,
) -> Result<Request, BodyError> {
    shape::walk(api.request, version, &body)?;
    decode_known_body(api.key, version, &mut body)
}

fn decode_as<T: Decodable>(version: i16, body: &mut Bytes) -> Result<T, BodyError> {
    T::decode(body, version).map_err(|error| BodyError::Codec(error.to_string()))
}

/// Why a frame is not a request. Kafka closes the connection on each, with one exception: see
/// [`crate::response::answer_to_unsupported_version`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// No header that can be read, or that of an API that is not served.
    #[error(transparent)]
    Header(HeaderError),
    /// The API is served, but not in this version.
    #[error("version {} of {} is not served", header.version, header.api.name)]
    UnsupportedVersion {
        /// The header, whose client id is to be taken with care: what stood there may be something else.
        header: RequestHeader,
    },
    /// The body is not what its API and version say.
    #[error("malformed {} request, version {}: {cause}", header.api.name, header.version)]
    Malformed {
        /// The header.
        header: RequestHeader,
        /// What is wrong with the body.
        cause: BodyError,
    },
}

/// What is wrong with a body.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum BodyError {
    /// It does not have the shape of its message, or is larger than a limit allows.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// It has the right shape, but a value in it cannot be: text that is not UTF-8.
    #[error("{0}")]
    Codec(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Violation;

    fn decode(frame: &'static [u8]) -> Result<Request, DecodeError> {
        decode_request(Bytes::from_static(frame)).map(|(_, request)| request)
    }

    #[test]
    fn produce_below_version_3_is_advertised_but_not_decoded() {
        let decoded = decode(b"\0\0\0\x02\0\0\0\x07\xff\xff\0\x01\0\0\x03\xe8\0\0\0\0");
        let Err(DecodeError::UnsupportedVersion { header }) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!((header.api.key, header.version), (ApiKey::Produce, 2));
        assert!(header.api.advertised_min <= header.version);
    }

    #[test]
    fn a_newer_api_versions_is_unsupported_with_its_correlation_id() {
        let decoded = decode(b"\0\x12\0\x06\0\0\0\x07\xff\xff\0whatever");
        let Err(DecodeError::UnsupportedVersion { header }) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!(
            (header.api.key, header.version, header.correlation_id),
            (ApiKey::ApiVersions, 6, 7)
        );
    }

    #[test]
    fn a_malformed_body_names_its_field() {
        let decoded = decode(b"\0\x03\0\x01\0\0\0\x07\xff\xff\x7f\xff\xff\xff");
        let Err(DecodeError::Malformed {
            header,
            cause: BodyError::Shape(error),
        }) = decoded
        else {
            panic!("{decoded:?}")
        };
        assert_eq!(
            (header.correlation_id, error.field, error.at),
            (7, "Topics", 4)
        );
        assert_eq!(
            error.violation,
            Violation::CountBeyondEnd {
                count: i32::MAX as usize,
                left: 0
            }
        );
    }

    #[test]
    fn text_that_is_not_utf8_is_malformed() {
        let decoded = decode(b"\0\x03\0\x01\0\0\0\x07\xff\xff\0\0\0\x01\0\x01\xff");
        assert!(
            matches!(
                decoded,
                Err(DecodeError::Malformed {
                    cause: BodyError::Codec(_),
                    ..
                })
            ),
            "{decoded:?}"
        );
    }

    #[test]
    fn bytes_behind_the_body_are_ignored_as_kafka_does() {
        let decoded = decode(b"\0\x03\0\x01\0\0\0\x07\xff\xff\0\0\0\0trailing").unwrap();
        let Request::Metadata(metadata) = decoded else {
            panic!("{decoded:?}")
        };
        assert_eq!(metadata.topics, Some(vec![]));
    }

    #[test]
    fn an_empty_frame_is_an_error() {
        assert!(matches!(
            decode(b""),
            Err(DecodeError::Header(HeaderError::Wire(_)))
        ));
    }
}
