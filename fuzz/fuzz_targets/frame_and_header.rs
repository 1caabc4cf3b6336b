//! A connection's bytes, cut into frames and those into headers and requests.
//!
//! The first byte says in what chunks the rest arrives.

#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use ottla_protocol::frame::FrameDecoder;
use ottla_protocol::header::RequestHeader;
use ottla_protocol::request::decode_request;
use ottla_protocol::wire::Reader;

const FRAME_BYTES_MAX: usize = 1 << 16;

fn frames(stream: &[u8], chunk_bytes: usize) -> (Vec<Bytes>, bool) {
    let decoder = FrameDecoder::new(FRAME_BYTES_MAX);
    let mut buffer = BytesMut::new();
    let mut frames = Vec::new();
    for chunk in stream.chunks(chunk_bytes) {
        buffer.extend_from_slice(chunk);
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}

fuzz_target!(|input: &[u8]| {
    let Some((&chunk_bytes, stream)) = input.split_first() else {
        return;
    };
    let (whole, sound) = frames(stream, stream.len().max(1));
    assert_eq!(
        frames(stream, usize::from(chunk_bytes) + 1),
        (whole.clone(), sound)
    );
    for frame in whole {
        let header = RequestHeader::read(&mut Reader::new(&frame));
        if let Ok((decoded_header, request)) = decode_request(frame) {
            assert_eq!(request.api(), decoded_header.api.key);
            assert_eq!(Ok(decoded_header), header);
        }
    }
});
