//! The records of a produce request: the first byte chooses the rules, the rest is a batch.
//!
//! A batch with a wrong CRC is also tried with its right one, else nothing would ever get past it.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ottla_protocol::records::{Batch, CheckRules, Compression, TimestampType, check};

const LIMIT_BYTES: usize = 1 << 20;

fn rules(choice: u8) -> CheckRules {
    let recompress = [
        None,
        Some((Compression::Lz4, None)),
        Some((Compression::None, None)),
        None,
    ];
    CheckRules {
        max_message_bytes: LIMIT_BYTES,
        max_decompressed_bytes: LIMIT_BYTES,
        timestamp_type: if choice & 1 == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        },
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: if choice & 2 == 0 { i64::MAX } else { 3_600_000 },
        now_ms: 1_700_000_000_000,
        compacted: choice & 4 != 0,
        recompress: recompress[usize::from(choice >> 3) % recompress.len()],
        zstd_allowed: choice & 32 == 0,
    }
}

fn check_and_iterate(records: Bytes, rules: &CheckRules) {
    let Ok(checked) = check(records, rules) else {
        return;
    };
    let batch = checked.into_batch();
    assert_eq!(batch.verify_crc(), Ok(()));
    let count = batch.header.record_count;
    let records = batch
        .records(LIMIT_BYTES)
        .expect("it was checked under the same limit");
    let read = records
        .map(|record| record.expect("it was checked"))
        .count();
    assert_eq!(read, usize::try_from(count).expect("it was checked"));
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else {
        return;
    };
    let rules = rules(choice);
    let records = Bytes::copy_from_slice(bytes);
    check_and_iterate(records.clone(), &rules);
    if let Ok(batch) = Batch::split_from(&mut records.clone()) {
        if let Ok(unchecked) = batch.records(LIMIT_BYTES) {
            unchecked.for_each(drop);
        }
        check_and_iterate(batch.sealed().to_bytes(), &rules);
    }
});
