//! Frames, headers and bodies that lie about their lengths and counts.

use std::fmt::Write as _;

use bytes::{BufMut, Bytes, BytesMut};
use ottla_protocol::frame::{FrameDecoder, FrameError};
use ottla_protocol::header::HeaderError;
use ottla_protocol::limits::FRAME_BYTES_MAX_DEFAULT;
use ottla_protocol::request::{BodyError, DecodeError, decode_request};
use ottla_protocol::shape::Violation;
use ottla_protocol::wire::{WireError, put_unsigned_varint};

use crate::allocation::peak_bytes;

/// More than any refusal needs: a client id, an error, what was decoded before the fault was met.
const PEAK_BYTES_MAX: usize = 4 * 1024;

/// A frame with the least of headers: no client id, no tagged fields.
fn frame(key: i16, version: i16, first_flexible: i16, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_i32(7);
    frame.put_i16(-1);
    if version >= first_flexible {
        frame.put_u8(0);
    }
    frame.put_slice(body);
    frame
}

fn produce(version: i16, body: &[u8]) -> Vec<u8> {
    frame(0, version, 9, body)
}

fn fetch(version: i16, body: &[u8]) -> Vec<u8> {
    frame(1, version, 12, body)
}

fn metadata(version: i16, body: &[u8]) -> Vec<u8> {
    frame(3, version, 9, body)
}

fn api_versions(version: i16, body: &[u8]) -> Vec<u8> {
    frame(18, version, 3, body)
}

fn create_topics(version: i16, body: &[u8]) -> Vec<u8> {
    frame(19, version, 5, body)
}

/// So many topics of two bytes each in a Metadata request: an empty name and no tagged fields.
fn metadata_of_tiny_topics(count: u32) -> Vec<u8> {
    let mut body = Vec::new();
    put_unsigned_varint(&mut body, count + 1);
    for _ in 0..count {
        body.put_slice(b"\x01\0");
    }
    body.put_slice(b"\0\0\0\0");
    metadata(9, &body)
}

/// One topic whose one partition is assigned to so many brokers.
fn create_topics_on_brokers(count: u32) -> Vec<u8> {
    let mut body = b"\0\0\0\x01\0\x01t\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\0".to_vec();
    body.put_u32(count);
    body.put_bytes(0, 4 * count as usize);
    create_topics(2, &body)
}

fn api_versions_with_unknown_tags(count: u32) -> Vec<u8> {
    let mut body = b"\x02a\x02b".to_vec();
    put_unsigned_varint(&mut body, count);
    for tag in 0..count {
        put_unsigned_varint(&mut body, tag);
        body.put_u8(0);
    }
    api_versions(3, &body)
}

/// What a frame is expected to be refused for.
#[derive(Debug, PartialEq)]
enum Refusal {
    Truncated,
    VarintTooLong,
    UnknownApi,
    TooManyHeaderTags,
    UnsupportedVersion,
    CountBeyondEnd,
    TooManyElements,
    TooLargeDecoded,
    NegativeLength,
    Null,
    StringTooLong,
    NeitherNullNorPresent,
    TagNotInVersion,
    TagSizeMismatch,
    NotUtf8,
}

fn refusal(error: &DecodeError) -> Refusal {
    let wire = |error: &WireError| match error {
        WireError::Truncated { .. } => Refusal::Truncated,
        WireError::VarintTooLong { .. } => Refusal::VarintTooLong,
    };
    match error {
        DecodeError::Header(HeaderError::Wire(error)) => wire(error),
        DecodeError::Header(HeaderError::UnknownApi { .. }) => Refusal::UnknownApi,
        DecodeError::Header(HeaderError::TooManyTaggedFields { .. }) => Refusal::TooManyHeaderTags,
        DecodeError::Header(error @ HeaderError::ClientIdTooLong) => panic!("reading says {error}"),
        DecodeError::UnsupportedVersion { .. } => Refusal::UnsupportedVersion,
        DecodeError::Malformed {
            cause: BodyError::Codec(_),
            ..
        } => Refusal::NotUtf8,
        DecodeError::Malformed {
            cause: BodyError::Shape(error),
            ..
        } => match &error.violation {
            Violation::Wire(error) => wire(error),
            Violation::NegativeLength { .. } => Refusal::NegativeLength,
            Violation::Null => Refusal::Null,
            Violation::StringTooLong { .. } => Refusal::StringTooLong,
            Violation::CountBeyondEnd { .. } => Refusal::CountBeyondEnd,
            Violation::TooManyElements => Refusal::TooManyElements,
            Violation::TooLargeDecoded => Refusal::TooLargeDecoded,
            Violation::NeitherNullNorPresent { .. } => Refusal::NeitherNullNorPresent,
            Violation::TagNotInVersion { .. } => Refusal::TagNotInVersion,
            Violation::TagSizeMismatch { .. } => Refusal::TagSizeMismatch,
        },
    }
}

#[rustfmt::skip]
fn hostile_requests() -> Vec<(&'static str, Vec<u8>, Refusal)> {
    use Refusal::*;
    let fetch_head = [0; 4 + 4 + 4 + 1 + 4 + 4];
    let fetch_17 = |tags: &[u8]| fetch(17, &[&fetch_head[..], b"\x01\x01\x01", tags].concat());
    let fetch_14 = |tags: &[u8]| fetch(14, &[&[0; 4], &fetch_head[..], b"\x01\x01\x01", tags].concat());
    vec![
        // Headers.
        ("an empty frame", vec![], Truncated),
        ("two bytes", b"\0\x03".to_vec(), Truncated),
        ("a client id longer than the frame", b"\0\x03\0\x01\0\0\0\x07\x7f\xffabc".to_vec(), Truncated),
        ("an API that nobody has", frame(9999, 0, 99, b""), UnknownApi),
        ("a negative API key", frame(-1, 0, 99, b""), UnknownApi),
        ("four billion tagged fields in the header", b"\0\x03\0\x0d\0\0\0\x07\xff\xff\xff\xff\xff\xff\x0f".to_vec(), TooManyHeaderTags),
        ("a tagged field of the header that is longer than the frame", b"\0\x03\0\x0d\0\0\0\x07\xff\xff\x01\0\xff\xff\xff\xff\x0f".to_vec(), Truncated),
        ("a varint of the header that does not end", b"\0\x03\0\x0d\0\0\0\x07\xff\xff\x80\x80\x80\x80\x80\x80".to_vec(), VarintTooLong),
        ("a version that was removed", produce(2, b"\0\x01\0\0\0\0\0\0\0\0"), UnsupportedVersion),
        ("a negative version", metadata(-1, b"\0\0\0\0"), UnsupportedVersion),
        ("a version from the future", metadata(i16::MAX, b"\0"), UnsupportedVersion),
        // Counts.
        ("2^31-1 topics in 4 bytes, once 154 GB", metadata(1, b"\x7f\xff\xff\xff"), CountBeyondEnd),
        ("2^32-2 topics in 5 bytes, once 309 GB", metadata(12, b"\xff\xff\xff\xff\x0f"), CountBeyondEnd),
        ("2^28 topics, which overcommit lets pass", metadata(12, b"\x81\x80\x80\x80\x01"), CountBeyondEnd),
        ("50 million topics", metadata(1, b"\x02\xfa\xf0\x80"), CountBeyondEnd),
        ("2^32-2 topics to produce to, once 412 GB", produce(9, b"\0\0\x01\0\0\0\x01\xff\xff\xff\xff\x0f"), CountBeyondEnd),
        ("2^31-1 partitions of a topic", produce(3, b"\xff\xff\0\x01\0\0\0\x01\0\0\0\x01\0\x01t\x7f\xff\xff\xff"), CountBeyondEnd),
        ("2^31-1 resources to describe, once 189 GB", frame(32, 1, 4, b"\x7f\xff\xff\xff"), CountBeyondEnd),
        ("2^30 brokers for one partition", create_topics(2, b"\0\0\0\x01\0\x01t\0\0\0\x01\0\x01\0\0\0\x01\0\0\0\0\x40\0\0\0"), CountBeyondEnd),
        ("2^31-1 tagged fields", api_versions(3, b"\x02a\x02b\xff\xff\xff\xff\x07"), Truncated),
        ("true counts that grow forty times when decoded", metadata_of_tiny_topics(950_000), TooLargeDecoded),
        ("true counts of too many elements", create_topics_on_brokers((1 << 20) + 1), TooManyElements),
        ("true counts of tagged fields, each a map entry", api_versions_with_unknown_tags(200_000), TooLargeDecoded),
        // Lengths.
        ("an array of length -2", metadata(1, b"\xff\xff\xff\xfe"), NegativeLength),
        ("a string of length -2", metadata(1, b"\0\0\0\x01\xff\xfe"), NegativeLength),
        ("records of length -2", produce(3, b"\xff\xff\0\x01\0\0\0\x01\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\xff\xff\xff\xfe"), NegativeLength),
        ("records of 2 GB in a frame of 40 bytes", produce(3, b"\xff\xff\0\x01\0\0\0\x01\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\0\x7f\xff\xff\xff"), Truncated),
        ("a compact string longer than the frame", api_versions(3, b"\xff\x7fabc"), Truncated),
        ("a compact string longer than any string", api_versions(3, &[&b"\x82\x80\x02"[..], &[b'a'; 40_000]].concat()), StringTooLong),
        ("a null array where there is none", metadata(0, b"\xff\xff\xff\xff"), Null),
        ("a null name", api_versions(3, b"\0\x02b\0"), Null),
        // Varints.
        ("a count whose varint is cut", metadata(9, b"\x80"), Truncated),
        ("a count whose varint has six bytes", metadata(9, b"\x81\x80\x80\x80\x80\x00"), VarintTooLong),
        ("a count whose varint has 35 bits", metadata(9, b"\xff\xff\xff\xff\x7f"), VarintTooLong),
        // Tagged fields and the rest.
        ("an unknown tagged field of 4 GB", api_versions(3, b"\x02a\x02b\x01\x63\xff\xff\xff\xff\x0f"), Truncated),
        ("a known tagged field that is longer than its value", fetch_17(b"\x01\0\x04\x03id\0"), TagSizeMismatch),
        ("a known tagged field in a version without it", fetch_14(b"\x01\x01\x0d\0\0\0\x01\0\0\0\0\0\0\0\x02\0"), TagNotInVersion),
        ("a cursor that is neither there nor null", frame(75, 0, 0, b"\x01\0\0\0\x05\x02\x02t\0\0\0\x03\0\0"), NeitherNullNorPresent),
        ("a name that is not text", metadata(1, b"\0\0\0\x01\0\x01\xff"), NotUtf8),
    ]
}

#[test]
fn every_hostile_request_gets_its_error_within_bounded_memory() {
    let mut failures = String::new();
    let cases = hostile_requests();
    assert!(cases.len() >= 30);
    for (name, bytes, expected) in cases {
        let frame = Bytes::from(bytes);
        let (result, peak) = peak_bytes(|| decode_request(frame));
        let got = result.as_ref().err().map(refusal);
        if got.as_ref() != Some(&expected) || peak > PEAK_BYTES_MAX {
            writeln!(
                failures,
                "{name}: {expected:?} expected, got {result:?}, peak {peak} bytes"
            )
            .unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn sizes_of_frames_that_lie_are_refused_before_anything_is_reserved() {
    let decoder = FrameDecoder::new(FRAME_BYTES_MAX_DEFAULT);
    let decode = |bytes: &[u8]| {
        let mut buffer = BytesMut::from(bytes);
        peak_bytes(|| decoder.decode(&mut buffer))
    };
    let (negative, peak) = decode(b"\x80\0\0\0");
    assert_eq!(
        (negative, peak),
        (Err(FrameError::NegativeSize { claimed: i32::MIN }), 0)
    );
    let (huge, peak) = decode(b"\x7f\xff\xff\xffGET / HTTP/1.1");
    let too_large = FrameError::TooLarge {
        size_bytes: i32::MAX as usize,
        limit_bytes: FRAME_BYTES_MAX_DEFAULT,
    };
    assert_eq!((huge, peak), (Err(too_large), 0));
    let (waiting, peak) = decode(b"\x06\0\0\0");
    assert_eq!((waiting, peak), (Ok(None), 0));
}

/// The dearest frame that is let through: its structures are what the budget says, and no more.
#[test]
fn the_largest_request_that_is_taken_stays_within_its_budget() {
    let frame = Bytes::from(metadata_of_tiny_topics(700_000));
    let (result, peak) = peak_bytes(|| decode_request(frame));
    assert!(result.is_ok(), "{result:?}");
    let budget = ottla_protocol::limits::DECODED_BYTES_MAX as usize;
    assert!(
        (budget / 2..budget).contains(&peak),
        "{peak} bytes of {budget}"
    );
}
