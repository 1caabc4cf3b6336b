//! Frames that were sound and then were not, by the thousand, with the memory of each bounded by its size.

use std::io::Read as _;

use bytes::{BufMut, Bytes};
use flate2::read::GzDecoder;
use ottla_protocol::api::ApiSpec;
use ottla_protocol::request::decode_request;
use proptest::prelude::*;

use crate::allocation::peak_bytes;

/// What decoding may hold for each byte of a frame: an unknown tagged field of two bytes can cost half a kilobyte.
const PEAK_BYTES_PER_FRAME_BYTE: usize = 256;
const PEAK_BYTES_BASE: usize = 8 * 1024;

/// The wire vectors of all served requests, each behind a header.
fn request_frames() -> Vec<Vec<u8>> {
    let packed = include_bytes!("../data/kafka-4.4-vectors.tsv.gz");
    let mut text = String::new();
    GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .unwrap();
    text.lines().filter_map(request_frame).collect()
}

fn request_frame(line: &str) -> Option<Vec<u8>> {
    let columns: Vec<&str> = line.split('\t').collect();
    let (key, version): (i16, i16) = (columns[1].parse().unwrap(), columns[2].parse().unwrap());
    let api = ApiSpec::find(key).filter(|api| columns[0] == "Q" && api.serves(version))?;
    let mut frame = Vec::new();
    frame.put_i16(key);
    frame.put_i16(version);
    frame.put_slice(b"\0\0\0\x07\0\x01c");
    if api.is_flexible(version) {
        frame.put_u8(0);
    }
    let digits = columns[5].as_bytes();
    frame.extend(
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()),
    );
    Some(frame)
}

fn patch() -> impl Strategy<Value = (prop::sample::Index, Vec<u8>)> {
    let extremes = prop::sample::select(vec![
        b"\xff\xff\xff\xff\x0f".to_vec(),
        b"\x7f\xff\xff\xff".to_vec(),
        b"\x00\x0f\x00\x00".to_vec(),
        b"\xff\x7f".to_vec(),
        b"\x80\x80\x80\x80\x80".to_vec(),
    ]);
    (
        any::<prop::sample::Index>(),
        prop_oneof![extremes, prop::collection::vec(any::<u8>(), 1..5)],
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn a_patched_frame_costs_memory_by_its_size_only(
        mut frame in prop::sample::select(request_frames()),
        patches in prop::collection::vec(patch(), 1..4),
    ) {
        for (at, bytes) in &patches {
            let at = at.index(frame.len());
            let end = frame.len().min(at + bytes.len());
            frame.splice(at..end, bytes.iter().copied());
        }
        let allowed = PEAK_BYTES_BASE + PEAK_BYTES_PER_FRAME_BYTE * frame.len();
        let frame = Bytes::from(frame);
        let (_result, peak) = peak_bytes(|| decode_request(frame));
        prop_assert!(peak <= allowed, "{peak} bytes, {allowed} allowed");
    }
}
