//! ListOffsets up to version 11.
//!
//! Version 11 adds a special timestamp (−6, the earliest offset not yet in tiered storage) and no field.

use kafka_protocol::messages::{list_offsets_request, list_offsets_response};
use kafka_protocol::protocol::Request;

use super::newest_version::with_version_like_the_one_before;

with_version_like_the_one_before! {
    /// The request; its fields are those of the one inside.
    ListOffsetsRequest(list_offsets_request::ListOffsetsRequest), newest 11
}

with_version_like_the_one_before! {
    /// The response; its fields are those of the one inside.
    ListOffsetsResponse(list_offsets_response::ListOffsetsResponse), newest 11
}

impl Request for ListOffsetsRequest {
    const KEY: i16 = list_offsets_request::ListOffsetsRequest::KEY;
    type Response = ListOffsetsResponse;
}
