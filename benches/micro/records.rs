//! Record batches: built, and checked as a broker checks them.

use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, Throughput};
use ottla_protocol::records::{Batch, BatchBuilder, CheckRules, Compression, TimestampType, check};

/// A batch of about 64 KiB.
pub(crate) fn batch(record_bytes: usize, compression: Compression) -> Batch {
    let mut builder = BatchBuilder::new(compression);
    let mut value = vec![b'v'; record_bytes];
    while builder.plain_size_bytes() + record_bytes < 64 << 10 {
        let number = builder.record_count().unsigned_abs().to_be_bytes();
        value[..4].copy_from_slice(&number);
        builder.push(1_700_000_000_000, None, Some(&value), &[]);
    }
    builder.build().expect("what is packed here can be packed")
}

fn rules() -> CheckRules {
    CheckRules {
        max_message_bytes: 1 << 20,
        max_decompressed_bytes: 64 << 20,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: i64::MAX,
        now_ms: 1_700_000_000_000,
        compacted: false,
        recompress: None,
        zstd_allowed: true,
    }
}

pub(crate) fn measure(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("records");
    for (name, record_bytes, compression) in [
        ("check 64 KiB of 1 KiB records", 1_024, Compression::None),
        ("check 64 KiB of 100 B records", 100, Compression::None),
        (
            "check 64 KiB of 1 KiB records, lz4",
            1_024,
            Compression::Lz4,
        ),
        (
            "check 64 KiB of 1 KiB records, zstd",
            1_024,
            Compression::Zstd,
        ),
    ] {
        let bytes: Bytes = batch(record_bytes, compression).to_bytes();
        let rules = rules();
        group.throughput(Throughput::Bytes(64 << 10));
        group.bench_function(name, |bencher| {
            bencher.iter(|| check(black_box(bytes.clone()), &rules));
        });
    }
    let one = batch(1_024, Compression::None);
    group.bench_function("checksum of 64 KiB", |bencher| {
        bencher.iter(|| black_box(&one).verify_crc());
    });
    group.bench_function("build 64 KiB of 1 KiB records", |bencher| {
        bencher.iter(|| batch(1_024, Compression::None));
    });
    group.finish();
}
