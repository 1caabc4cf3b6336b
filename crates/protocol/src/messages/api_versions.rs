//! ApiVersions up to version 5.
//!
//! Request:
//!
//! | field | type | versions |
//! |---|---|---|
//! | client_software_name | compact string | 3+ |
//! | client_software_version | compact string | 3+ |
//! | cluster_id | compact string, may be null | 5+ |
//! | node_id | int32 | 5+ |
//! | tagged fields | | 3+ |
//!
//! Versions 0 to 2 are empty. Version 5 tells which cluster and node the client believes it has reached, so that a
//! broker can send a client away whose address list is stale (REBOOTSTRAP_REQUIRED). The response of version 5 has
//! the fields of version 4.

use std::collections::BTreeMap;

use anyhow::ensure;
use bytes::Bytes;
use kafka_protocol::messages::{api_versions_request, api_versions_response};
use kafka_protocol::protocol::buf::{ByteBuf, ByteBufMut};
use kafka_protocol::protocol::{
    Decodable, Encodable, HeaderVersion, Message, Request, StrBytes, VersionRange,
};

use super::encoding::Encoding;
use super::newest_version::with_version_like_the_one_before;

with_version_like_the_one_before! {
    /// The response; its fields are those of the one inside.
    ApiVersionsResponse(api_versions_response::ApiVersionsResponse), newest 5
}
/// The request.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiVersionsRequest {
    /// The client library's name.
    pub client_software_name: StrBytes,
    /// The client library's version.
    pub client_software_version: StrBytes,
    /// The cluster that the client believes it has reached, if it knows one.
    pub cluster_id: Option<StrBytes>,
    /// The node that the client believes it has reached; −1 if it does not know.
    pub node_id: i32,
    /// Tagged fields, none of which has a meaning yet.
    pub unknown_tagged_fields: BTreeMap<i32, Bytes>,
}

/// The first version with a cluster and node id, and the first that kafka-protocol does not know.
const FIRST_WITH_DESTINATION: i16 = 5;

impl Default for ApiVersionsRequest {
    fn default() -> Self {
        ApiVersionsRequest {
            client_software_name: StrBytes::new(),
            client_software_version: StrBytes::new(),
            cluster_id: None,
            node_id: -1,
            unknown_tagged_fields: BTreeMap::new(),
        }
    }
}

impl Message for ApiVersionsRequest {
    const VERSIONS: VersionRange = VersionRange {
        min: 0,
        max: FIRST_WITH_DESTINATION,
    };
    const DEPRECATED_VERSIONS: Option<VersionRange> = None;
}

impl Request for ApiVersionsRequest {
    const KEY: i16 = api_versions_request::ApiVersionsRequest::KEY;
    type Response = ApiVersionsResponse;
}

impl HeaderVersion for ApiVersionsRequest {
    fn header_version(version: i16) -> i16 {
        api_versions_request::ApiVersionsRequest::header_version(version)
    }
}

impl Encodable for ApiVersionsRequest {
    fn encode<B: ByteBufMut>(&self, buffer: &mut B, version: i16) -> anyhow::Result<()> {
        if version < FIRST_WITH_DESTINATION {
            return self.without_destination().encode(buffer, version);
        }
        ensure!(
            version == FIRST_WITH_DESTINATION,
            "version {version} of ApiVersions is not known"
        );
        let wire = Encoding::Flexible;
        wire.put_string(buffer, Some(&self.client_software_name))?;
        wire.put_string(buffer, Some(&self.client_software_version))?;
        wire.put_string(buffer, self.cluster_id.as_ref())?;
        buffer.put_i32(self.node_id);
        wire.put_tagged_fields(buffer, &self.unknown_tagged_fields)
    }

    fn compute_size(&self, version: i16) -> anyhow::Result<usize> {
        if version < FIRST_WITH_DESTINATION {
            return self.without_destination().compute_size(version);
        }
        let mut bytes = Vec::new();
        self.encode(&mut bytes, version)?;
        Ok(bytes.len())
    }
}

impl Decodable for ApiVersionsRequest {
    fn decode<B: ByteBuf>(buffer: &mut B, version: i16) -> anyhow::Result<Self> {
        if version < FIRST_WITH_DESTINATION {
            return Ok(api_versions_request::ApiVersionsRequest::decode(buffer, version)?.into());
        }
        ensure!(
            version == FIRST_WITH_DESTINATION,
            "version {version} of ApiVersions is not known"
        );
        let wire = Encoding::Flexible;
        let client_software_name = wire.string(buffer)?;
        let client_software_version = wire.string(buffer)?;
        let cluster_id = wire.nullable_string(buffer)?;
        let node_id = buffer.try_get_i32()?;
        let unknown_tagged_fields = wire.tagged_fields(buffer)?;
        Ok(ApiVersionsRequest {
            client_software_name,
            client_software_version,
            cluster_id,
            node_id,
            unknown_tagged_fields,
        })
    }
}

impl ApiVersionsRequest {
    fn without_destination(&self) -> api_versions_request::ApiVersionsRequest {
        api_versions_request::ApiVersionsRequest::default()
            .with_client_software_name(self.client_software_name.clone())
            .with_client_software_version(self.client_software_version.clone())
            .with_unknown_tagged_fields(self.unknown_tagged_fields.clone())
    }
}

impl From<api_versions_request::ApiVersionsRequest> for ApiVersionsRequest {
    fn from(known: api_versions_request::ApiVersionsRequest) -> Self {
        ApiVersionsRequest {
            client_software_name: known.client_software_name,
            client_software_version: known.client_software_version,
            unknown_tagged_fields: known.unknown_tagged_fields,
            ..ApiVersionsRequest::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(request: &ApiVersionsRequest, version: i16) -> Vec<u8> {
        let mut bytes = Vec::new();
        request
            .encode(&mut bytes, version)
            .expect("a short request");
        assert_eq!(
            request.compute_size(version).expect("a short request"),
            bytes.len()
        );
        bytes
    }

    #[test]
    fn a_request_of_version_5_has_its_destination_behind_the_client() {
        let request = ApiVersionsRequest {
            client_software_name: StrBytes::from_static_str("c"),
            client_software_version: StrBytes::from_static_str("1"),
            cluster_id: Some(StrBytes::from_static_str("k")),
            node_id: 2,
            ..ApiVersionsRequest::default()
        };
        assert_eq!(written(&request, 5), b"\x02c\x021\x02k\0\0\0\x02\0");
        assert_eq!(written(&request, 4), b"\x02c\x021\0");
        assert_eq!(written(&request, 0), b"");
    }

    #[test]
    fn unknown_tagged_fields_survive_whatever_their_tag() {
        let mut request = ApiVersionsRequest::default();
        request
            .unknown_tagged_fields
            .insert(7, Bytes::from_static(b"seven"));
        request
            .unknown_tagged_fields
            .insert(u32::MAX.cast_signed(), Bytes::new());
        let decoded = ApiVersionsRequest::decode(&mut Bytes::from(written(&request, 5)), 5);
        assert_eq!(decoded.expect("it was just written"), request);
    }

    #[test]
    fn versions_from_the_future_are_refused() {
        assert!(ApiVersionsRequest::decode(&mut Bytes::new(), 6).is_err());
        assert!(
            ApiVersionsRequest::default()
                .encode(&mut Vec::new(), 6)
                .is_err()
        );
        assert!(ApiVersionsResponse::decode(&mut Bytes::new(), 6).is_err());
    }
}
