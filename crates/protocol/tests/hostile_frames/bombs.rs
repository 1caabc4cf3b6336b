//! Record batches that lie, and little data that inflates to much.

use bytes::Bytes;
use ottla_protocol::records::{
    Batch, BatchBuilder, BatchError, CheckError, CheckRules, Compression, CompressionError,
    TimestampType, check, compress, decompress,
};

use crate::allocation::peak_bytes;

const LIMIT_BYTES: usize = 1024 * 1024;
/// A growing buffer holds its old and new self at once; codecs have tables of their own.
const PEAK_BYTES_MAX: usize = 4 * LIMIT_BYTES;

const CODECS: [Compression; 4] = [
    Compression::Gzip,
    Compression::Snappy,
    Compression::Lz4,
    Compression::Zstd,
];

fn rules() -> CheckRules {
    CheckRules {
        max_message_bytes: LIMIT_BYTES,
        max_decompressed_bytes: LIMIT_BYTES,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: i64::MAX,
        now_ms: 0,
        compacted: false,
        recompress: None,
        zstd_allowed: true,
    }
}

fn batch_of(compression: Compression, value: &[u8]) -> Batch {
    let mut builder = BatchBuilder::new(compression);
    builder.push(0, None, Some(value), &[("header", Some(b"value"))]);
    builder.build().unwrap()
}

fn check_within_bounds(batch: &Batch) -> CheckError {
    let records = batch.to_bytes();
    let (result, peak) = peak_bytes(|| check(records, &rules()));
    assert!(peak <= PEAK_BYTES_MAX, "{peak} bytes");
    result.expect_err("a hostile batch")
}

#[test]
fn data_that_inflates_to_a_gigabyte_stops_at_the_limit() {
    let plain = vec![0; 4 * LIMIT_BYTES];
    for codec in CODECS {
        let packed = compress(codec, None, &plain).unwrap();
        // Members, blocks and frames may follow each other; where a codec ends at the first, 4 MiB are enough.
        let bomb = match codec {
            Compression::Snappy => [&packed[..], &packed[16..].repeat(255)].concat(),
            _ => packed.repeat(256),
        };
        let (result, peak) = peak_bytes(|| decompress(codec, &bomb, LIMIT_BYTES));
        assert!(
            matches!(result, Err(CompressionError::TooLarge { .. })),
            "{codec:?}: {result:?}"
        );
        assert!(peak <= PEAK_BYTES_MAX, "{codec:?}: {peak} bytes");
    }
}

#[test]
fn a_raw_snappy_block_of_six_bytes_that_claims_four_gigabytes_is_broken() {
    let (result, peak) =
        peak_bytes(|| decompress(Compression::Snappy, b"\xff\xff\xff\xff\x0f\0", LIMIT_BYTES));
    assert!(
        matches!(result, Err(CompressionError::Broken { .. })),
        "{result:?}"
    );
    assert!(peak <= PEAK_BYTES_MAX, "{peak} bytes");
}

#[test]
fn a_batch_whose_record_inflates_beyond_its_limit_is_refused_as_such() {
    let value = vec![0; 16 * LIMIT_BYTES];
    for codec in CODECS {
        let error = check_within_bounds(&batch_of(codec, &value));
        assert!(
            matches!(error, CheckError::InflatesTooLarge { .. }),
            "{codec:?}: {error:?}"
        );
    }
}

#[test]
fn a_batch_that_claims_two_billion_records_is_broken() {
    let mut batch = batch_of(Compression::None, b"value");
    batch.header.record_count = i32::MAX;
    batch.header.last_offset_delta = i32::MAX - 1;
    let error = check_within_bounds(&batch.sealed());
    assert!(matches!(error, CheckError::BrokenRecords(_)), "{error:?}");
}

#[test]
fn a_batch_that_does_not_count_is_invalid() {
    let mut batch = batch_of(Compression::None, b"value");
    batch.header.record_count = -1;
    let error = check_within_bounds(&batch.sealed());
    assert!(matches!(error, CheckError::InvalidRecord(_)), "{error:?}");
}

#[test]
fn a_record_that_claims_two_billion_headers_is_broken() {
    // Length 11, attributes, timestamp and offset delta, null key and value, 2^31 − 1 headers.
    let payload = b"\x16\0\0\0\x01\x01\xfe\xff\xff\xff\x0f";
    let mut batch = batch_of(Compression::None, b"value");
    batch.payload = Bytes::from_static(payload);
    let batch = batch.sealed();
    let error = check_within_bounds(&batch);
    assert!(matches!(error, CheckError::BrokenRecords(_)), "{error:?}");
    let (records, peak) = peak_bytes(|| {
        batch
            .records(LIMIT_BYTES)
            .map(|records| records.collect::<Vec<_>>())
    });
    assert!(matches!(records.as_deref(), Ok([Err(_)])), "{records:?}");
    assert!(peak <= PEAK_BYTES_MAX, "{peak} bytes");
}

#[test]
fn a_batch_with_a_length_or_checksum_that_is_not_its_own_is_corrupt() {
    let sound = batch_of(Compression::None, b"value").to_bytes();
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = sound.to_vec();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        let records = Bytes::from(changed);
        let (result, peak) = peak_bytes(|| check(records, &rules()));
        assert!(peak <= PEAK_BYTES_MAX, "{peak} bytes");
        result.expect_err("a hostile batch")
    };
    for length in [0, 1, -1, i32::MIN, 48] {
        let error = with(8, &length.to_be_bytes());
        assert!(
            matches!(error, CheckError::Corrupt(BatchError::BadLength(_))),
            "{length}: {error:?}"
        );
    }
    let error = with(8, &i32::MAX.to_be_bytes());
    assert!(matches!(error, CheckError::NotOneBatch(_)), "{error:?}");
    let error = with(16, b"\x01");
    assert!(
        matches!(error, CheckError::NotOneBatch(_)),
        "an old format: {error:?}"
    );
    let error = with(17, b"\0\0\0\0");
    assert!(
        matches!(error, CheckError::Corrupt(BatchError::BadCrc { .. })),
        "{error:?}"
    );
}
