//! A body of any API and version: the first byte chooses the API, the second its version.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ottla_protocol::api::SERVED;
use ottla_protocol::request::{BodyError, decode_body};
use ottla_protocol::shape::walk;

fuzz_target!(|input: &[u8]| {
    let [api, version, body @ ..] = input else {
        return;
    };
    let api = &SERVED[usize::from(*api) % SERVED.len()];
    let versions = api.max - api.min + 1;
    let version = api.min + i16::from(*version) % versions;
    let walked = walk(api.request, version, body);
    // The response's shape is walked by clients; it must not panic either.
    let _ = walk(api.response, version, body);
    match decode_body(api, version, Bytes::copy_from_slice(body)) {
        Ok(request) => assert_eq!((request.api(), walked.is_ok()), (api.key, true)),
        Err(BodyError::Shape(error)) => assert_eq!(walked, Err(error)),
        Err(BodyError::Codec(message)) => assert!(message.contains("utf-8"), "{message}"),
    }
});
