use super::*;
use crate::records::{BatchBuilder, ProducerStamp};

fn rules() -> CheckRules {
    CheckRules {
        max_message_bytes: 1_048_588,
        max_decompressed_bytes: 1 << 20,
        timestamp_type: TimestampType::CreateTime,
        timestamp_before_max_ms: i64::MAX,
        timestamp_after_max_ms: 3_600_000,
        now_ms: 1_000_000,
        compacted: false,
        recompress: None,
        zstd_allowed: true,
    }
}

fn batch(codec: Compression) -> Batch {
    let mut builder = BatchBuilder::new(codec);
    builder.push(1000, Some(b"a"), Some(b"1"), &[("h", None)]);
    builder.push(3000, None, Some(b"2"), &[]);
    builder.push(2000, Some(b"c"), None, &[]);
    builder.build().unwrap()
}

/// Checks a sound batch after a change to its head.
fn changed(change: impl FnOnce(&mut Batch)) -> CheckError {
    let mut batch = batch(Compression::None);
    change(&mut batch);
    check(batch.sealed().to_bytes(), &rules()).unwrap_err()
}

#[test]
fn a_sound_batch_passes_unchanged_in_every_codec() {
    for id in 0..5 {
        let batch = batch(Compression::from_id(id).unwrap());
        let checked = check(batch.to_bytes(), &rules()).unwrap();
        assert_eq!(checked.batch(), &batch);
    }
}

#[test]
fn none_and_two_batches_are_refused_and_a_stump_behind_one_is_ignored() {
    let one = batch(Compression::None).to_bytes();
    assert!(matches!(
        check(Bytes::new(), &rules()),
        Err(CheckError::NotOneBatch(_))
    ));
    assert!(matches!(
        check(one.slice(..70), &rules()),
        Err(CheckError::NotOneBatch(_))
    ));
    let two = [one.clone(), one.clone()].concat();
    assert!(matches!(
        check(two.into(), &rules()),
        Err(CheckError::NotOneBatch(_))
    ));
    let stump = [one.clone(), one.slice(..50)].concat();
    assert!(check(stump.into(), &rules()).is_ok());
}

#[test]
fn a_format_that_never_was_is_corrupt_and_an_old_one_invalid() {
    let of_format = |magic: u8| {
        let mut bytes = batch(Compression::None).to_bytes().to_vec();
        bytes[16] = magic;
        check(bytes.into(), &rules()).unwrap_err()
    };
    for magic in [0, 1] {
        assert!(matches!(of_format(magic), CheckError::NotOneBatch(_)));
    }
    for magic in [3, 0xff] {
        assert!(matches!(of_format(magic), CheckError::Corrupt(_)));
    }
}

#[test]
fn heads_that_do_not_add_up_are_refused() {
    let cases: [fn(&mut Batch); 7] = [
        |b| b.header.base_offset = 7,
        |b| b.header.record_count = 0,
        |b| b.header.record_count = i32::MAX,
        |b| b.header.last_offset_delta = 3,
        |b| b.header.attributes = b.header.attributes.with_control(true),
        |b| b.header.producer_id = 5,
        |b| b.header.attributes = b.header.attributes.with_transactional(true),
    ];
    for (case, change) in cases.into_iter().enumerate() {
        assert!(
            matches!(changed(change), CheckError::InvalidRecord(_)),
            "case {case}"
        );
    }
    let claims = changed(|b| {
        b.header.record_count = 4;
        b.header.last_offset_delta = 3;
    });
    assert!(matches!(claims, CheckError::BrokenRecords(_)), "{claims}");
    let fewer = changed(|b| {
        b.header.record_count = 2;
        b.header.last_offset_delta = 1;
    });
    assert!(matches!(fewer, CheckError::BrokenRecords(_)), "{fewer}");
}

#[test]
fn a_claim_of_two_billion_records_costs_no_memory() {
    let error = changed(|b| {
        b.header.record_count = i32::MAX;
        b.header.last_offset_delta = i32::MAX - 1;
    });
    assert!(matches!(error, CheckError::BrokenRecords(_)));
}

#[test]
fn unknown_codecs_and_early_zstd_are_unsupported() {
    let error = changed(|b| b.header.attributes = Attributes(6));
    assert!(matches!(error, CheckError::UnsupportedCompression(_)));
    let old = CheckRules {
        zstd_allowed: false,
        ..rules()
    };
    let error = check(batch(Compression::Zstd).to_bytes(), &old).unwrap_err();
    assert!(matches!(error, CheckError::ZstdTooEarly));
}

use crate::records::Attributes;

#[test]
fn a_flipped_bit_anywhere_behind_the_crc_is_corrupt() {
    let sound = batch(Compression::None).to_bytes();
    for at in 21..sound.len() {
        let mut flipped = sound.to_vec();
        flipped[at] ^= 4;
        let error = check(flipped.into(), &rules()).unwrap_err();
        let expected = matches!(error, CheckError::Corrupt(BatchError::BadCrc { .. }))
            // Bits of the codec are looked at first.
            || (at == 22 && matches!(error, CheckError::UnsupportedCompression(_)));
        assert!(expected, "byte {at}: {error}");
    }
}

#[test]
fn sizes_are_limited_packed_and_inflated() {
    let small = CheckRules {
        max_message_bytes: 80,
        ..rules()
    };
    let error = check(batch(Compression::None).to_bytes(), &small).unwrap_err();
    assert!(matches!(
        error,
        CheckError::TooLarge {
            limit_bytes: 80,
            ..
        }
    ));

    let mut builder = BatchBuilder::new(Compression::Zstd);
    builder.push(0, None, Some(&vec![0; 2_000_000]), &[]);
    let error = check(builder.build().unwrap().to_bytes(), &rules()).unwrap_err();
    assert!(
        matches!(error, CheckError::InflatesTooLarge { .. }),
        "{error}"
    );
}

#[test]
fn timestamps_out_of_range_name_their_records() {
    let strict = CheckRules {
        timestamp_before_max_ms: 998_000,
        ..rules()
    };
    match check(batch(Compression::Lz4).to_bytes(), &strict) {
        Err(CheckError::InvalidTimestamps(errors)) => {
            assert_eq!(errors.len(), 1);
            assert_eq!(errors[0].batch_index, 0);
            assert!(
                errors[0].message.contains("[2000, 4600000]"),
                "{}",
                errors[0].message
            );
        }
        other => panic!("{other:?}"),
    }
    let append_time = CheckRules {
        timestamp_type: TimestampType::LogAppendTime,
        ..strict
    };
    assert!(check(batch(Compression::Lz4).to_bytes(), &append_time).is_ok());
}

#[test]
fn a_compacted_topic_wants_keys() {
    let compacted = CheckRules {
        compacted: true,
        ..rules()
    };
    match check(batch(Compression::None).to_bytes(), &compacted) {
        Err(CheckError::InvalidRecords(errors)) => assert_eq!(errors[0].batch_index, 1),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_wrong_max_timestamp_is_put_right() {
    let mut lying = batch(Compression::Gzip);
    lying.header.max_timestamp = 77;
    let checked = check(lying.sealed().to_bytes(), &rules()).unwrap();
    assert_eq!(checked.batch(), &batch(Compression::Gzip));
}

#[test]
fn a_topics_codec_replaces_the_producers() {
    for from in 0..5 {
        for to in 0..5 {
            let to = Compression::from_id(to).unwrap();
            let from = batch(Compression::from_id(from).unwrap());
            let rules = CheckRules {
                recompress: Some((to, None)),
                ..rules()
            };
            let checked = check(from.to_bytes(), &rules).unwrap().into_batch();
            checked.verify_crc().unwrap();
            assert_eq!(checked.header.attributes.compression(), Some(to));
            let plain = |batch: &Batch| -> Vec<_> {
                batch
                    .records(1 << 20)
                    .unwrap()
                    .map(Result::unwrap)
                    .collect()
            };
            assert_eq!(plain(&checked), plain(&from));
        }
    }
}

#[test]
fn an_idempotent_batch_passes() {
    let mut builder = BatchBuilder::new(Compression::None).with_producer(ProducerStamp {
        producer_id: 7,
        producer_epoch: 0,
        base_sequence: 0,
        transactional: true,
    });
    builder.push(-1, None, None, &[]);
    let batch = builder.build().unwrap();
    assert_eq!(batch.header.last_sequence(), 0);
    assert!(check(batch.to_bytes(), &rules()).is_ok());
}

#[test]
fn an_epoch_and_a_sequence_without_a_producer_mean_nothing() {
    let changes: [fn(&mut Batch); 3] = [
        |b| b.header.base_sequence = 5,
        |b| b.header.producer_epoch = 5,
        |b| b.header.producer_id = -2,
    ];
    for change in changes {
        let mut batch = batch(Compression::None);
        change(&mut batch);
        assert!(!batch.header.has_producer());
        let checked = check(batch.clone().sealed().to_bytes(), &rules()).unwrap();
        assert_eq!(checked.into_batch(), batch.sealed());
    }
}

#[test]
fn a_claim_of_log_append_time_is_taken_for_the_time_of_creation_where_topics_keep_that() {
    let sound = batch(Compression::None);
    let mut claims = sound.clone();
    let kind = TimestampType::LogAppendTime;
    claims.header.attributes = claims.header.attributes.with_timestamp_type(kind);
    let bytes = claims.sealed().to_bytes();
    assert_eq!(check(bytes.clone(), &rules()).unwrap().into_batch(), sound);
    let stamps = CheckRules {
        timestamp_type: kind,
        ..rules()
    };
    let error = check(bytes, &stamps).unwrap_err();
    assert!(matches!(error, CheckError::InvalidTimestamps(records) if records.len() == 3));
}
