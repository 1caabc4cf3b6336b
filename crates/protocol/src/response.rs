//! A response to a frame.
//!
//! A frame leaves as parts to be written one after the other: one for most, a head and slices of the log for Fetch.
//! The four bytes of its size are part of the first.

use bytes::BufMut;

use crate::api::{ApiKey, for_each_api};
use crate::error::ErrorCode;
use crate::fetch::FetchResponse;
use crate::header::{RequestHeader, write_response_header};
use crate::messages::Encodable;
use crate::outgoing::{FrameTooLarge, FrameWriter};

pub use crate::outgoing::ResponseFrame;

mod types {
    //! The type in each variant of [`super::Response`]: kafka-protocol's, but for Fetch.
    pub(super) use crate::fetch::FetchResponse;
    pub(super) use crate::messages::{
        AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, AddRaftVoterResponse,
        AlterConfigsResponse, AlterPartitionReassignmentsResponse, ApiVersionsResponse,
        CreatePartitionsResponse, CreateTopicsResponse, DeleteGroupsResponse,
        DeleteRecordsResponse, DeleteTopicsResponse, DescribeClusterResponse,
        DescribeConfigsResponse, DescribeGroupsResponse, DescribeLogDirsResponse,
        DescribeProducersResponse, DescribeQuorumResponse, DescribeTopicPartitionsResponse,
        DescribeTransactionsResponse, ElectLeadersResponse, EndTxnResponse,
        FindCoordinatorResponse, HeartbeatResponse, IncrementalAlterConfigsResponse,
        InitProducerIdResponse, JoinGroupResponse, LeaveGroupResponse, ListConfigResourcesResponse,
        ListGroupsResponse, ListOffsetsResponse, ListPartitionReassignmentsResponse,
        ListTransactionsResponse, MetadataResponse, OffsetCommitResponse, OffsetDeleteResponse,
        OffsetFetchResponse, OffsetForLeaderEpochResponse, ProduceResponse,
        RemoveRaftVoterResponse, SyncGroupResponse, TxnOffsetCommitResponse,
        UnregisterBrokerResponse, UpdateFeaturesResponse, WriteTxnMarkersResponse,
    };
}

macro_rules! define_response {
    ($(
        $(#[doc = $purpose:literal])+
        $name:ident = $key:literal, $request:ident => $response:ident,
        $min:literal ..= $max:literal, advertised $advertised:literal, flexible $flexible:literal;
    )+) => {
        /// A response of any API that is served.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Response {
            $($(#[doc = $purpose])+ $name(types::$response),)+
        }

        impl Response {
            /// The API that this is a response of.
            pub fn api(&self) -> ApiKey {
                match self {
                    $(Response::$name(_) => ApiKey::$name,)+
                }
            }

            fn write(self, frame: &mut FrameWriter, version: i16) -> Result<(), EncodeError> {
                match self {
                    $(Response::$name(body) => body.write(frame, version),)+
                }
            }
        }

        $(
            impl From<types::$response> for Response {
                fn from(body: types::$response) -> Self {
                    Response::$name(body)
                }
            }
        )+
    };
}
for_each_api!(define_response);

/// Writes the response to the request with this header.
///
/// Fails only on a response that its API and version cannot express, which is a fault of whoever made it.
pub fn encode_response(
    header: &RequestHeader,
    response: Response,
) -> Result<ResponseFrame, EncodeError> {
    if response.api() != header.api.key {
        return Err(EncodeError::WrongApi {
            asked: header.api.key,
            answered: response.api(),
        });
    }
    let mut frame = FrameWriter::new(EXPECTED_BYTES);
    header.write_response(frame.buffer());
    response.write(&mut frame, header.version)?;
    Ok(frame.finish()?)
}

/// The answer to a version that is not served, where Kafka answers at all: to ApiVersions, in version 0 with
/// nothing but the versions of ApiVersions, so that a newer client can ask again. To anything else, Produce of the
/// versions 0 to 2 included, Kafka closes the connection.
pub fn answer_to_unsupported_version(header: &RequestHeader) -> Option<ResponseFrame> {
    if header.api.key != ApiKey::ApiVersions {
        return None;
    }
    let mut frame = FrameWriter::new(EXPECTED_BYTES);
    write_response_header(frame.buffer(), header.correlation_id, 0);
    frame.buffer().put_i16(ErrorCode::UnsupportedVersion.code());
    frame.buffer().put_i32(1);
    frame.buffer().put_i16(header.api.key.code());
    frame.buffer().put_i16(header.api.advertised_min);
    frame.buffer().put_i16(header.api.max);
    frame.finish().ok()
}

/// What most responses stay below.
const EXPECTED_BYTES: usize = 256;

/// A body that can be written behind the header of a frame.
trait Body {
    fn write(self, frame: &mut FrameWriter, version: i16) -> Result<(), EncodeError>;
}

impl<T: Encodable> Body for T {
    fn write(self, frame: &mut FrameWriter, version: i16) -> Result<(), EncodeError> {
        self.encode(frame.buffer(), version)
            .map_err(|error| EncodeError::Codec(error.to_string()))
    }
}

impl Body for FetchResponse {
    fn write(self, frame: &mut FrameWriter, version: i16) -> Result<(), EncodeError> {
        self.encode(frame, version)
    }
}

/// Why a message cannot be written.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum EncodeError {
    /// The response is to another API than the request.
    #[error("{answered:?} answers {asked:?}")]
    WrongApi {
        /// The API of the request.
        asked: ApiKey,
        /// The API of the response.
        answered: ApiKey,
    },
    /// The frame's size does not fit its four bytes.
    #[error(transparent)]
    TooLarge(#[from] FrameTooLarge),
    /// An array or text is too long for its length field.
    #[error("{count} elements or bytes do not fit a length field")]
    TooLong {
        /// Its elements, or bytes.
        count: usize,
    },
    /// What kafka-protocol says: mostly a value that the version has no place for.
    #[error("{0}")]
    Codec(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{ApiVersionsResponse, MetadataResponse};

    fn header(api: ApiKey, version: i16) -> RequestHeader {
        RequestHeader {
            api: api.spec(),
            version,
            correlation_id: 7,
            client_id: None,
        }
    }

    #[test]
    fn an_unsupported_version_of_api_versions_is_answered_as_kafka_4_4_answers_it() {
        for version in [-1, 6] {
            let frame =
                answer_to_unsupported_version(&header(ApiKey::ApiVersions, version)).unwrap();
            let seen_from_kafka = b"\0\0\0\x10\0\0\0\x07\0\x23\0\0\0\x01\0\x12\0\0\0\x05";
            assert_eq!(frame.to_bytes(), &seen_from_kafka[..]);
        }
    }

    #[test]
    fn an_unsupported_version_of_anything_else_is_not_answered() {
        for (api, version) in [
            (ApiKey::Produce, 0),
            (ApiKey::Produce, 2),
            (ApiKey::Metadata, 99),
        ] {
            assert_eq!(answer_to_unsupported_version(&header(api, version)), None);
        }
    }

    #[test]
    fn the_response_header_follows_the_version_but_for_api_versions() {
        let metadata = encode_response(
            &header(ApiKey::Metadata, 9),
            MetadataResponse::default().into(),
        )
        .unwrap();
        assert_eq!(
            metadata.to_bytes()[4..9],
            *b"\0\0\0\x07\0",
            "a header with tagged fields"
        );
        let versions = encode_response(
            &header(ApiKey::ApiVersions, 5),
            ApiVersionsResponse::default().into(),
        );
        assert_eq!(
            versions.unwrap().to_bytes()[4..10],
            *b"\0\0\0\x07\0\0",
            "a header without, an error code"
        );
    }

    #[test]
    fn a_response_to_another_api_is_not_written() {
        let written = encode_response(
            &header(ApiKey::Fetch, 4),
            MetadataResponse::default().into(),
        );
        assert_eq!(
            written,
            Err(EncodeError::WrongApi {
                asked: ApiKey::Fetch,
                answered: ApiKey::Metadata
            })
        );
    }

    #[test]
    fn a_value_that_the_version_has_no_place_for_is_an_error() {
        let response = MetadataResponse::default()
            .with_error_code(1)
            .with_cluster_authorized_operations(3);
        let written = encode_response(&header(ApiKey::Metadata, 0), response.into());
        assert!(matches!(written, Err(EncodeError::Codec(_))), "{written:?}");
    }
}
