//! Batches that no client makes: broken ones, and sound ones that say what they should not.

use super::records::{KEPT, fetch_all, fetch_from, produce};
use crate::batches;
use crate::lab::Lab;

pub(crate) fn broken(lab: &mut Lab) {
    lab.create_topic("broken", 40, KEPT);
    let batch = batches::plain(&["one", "two"]);
    let changed: Vec<(usize, Vec<u8>, bool)> = vec![
        (70, vec![0xff], false), // the CRC does not hold
        (70, vec![0xff], true),  // a record whose length is nonsense
        (16, vec![1], false),    // magic
        (16, vec![0], false),
        (16, vec![3], false),
        (8, vec![0x7f, 0, 0, 0], false),
        (0, vec![0, 0, 0, 0, 0, 0, 0, 5], false), // base offset
        (12, vec![0, 0, 0, 9], false),            // leader epoch
        (21, vec![0, 5], true),                   // a codec that is not
        (21, vec![0, 7], true),
        (21, vec![0, 0x20], true),    // a control batch
        (21, vec![0, 0x10], true),    // transactional without a producer
        (21, vec![0x40, 0], true),    // bits of the future
        (23, vec![0, 0, 0, 5], true), // last offset delta
        (23, vec![0xff, 0xff, 0xff, 0xff], true),
        (57, vec![0, 0, 0, 7], true),
        (35, vec![0, 0, 0, 0, 0, 0, 0, 1], true), // max timestamp
        (27, vec![0xff; 8], true),                // base timestamp
    ];
    let mut cases: Vec<String> = changed
        .iter()
        .map(|(at, bytes, sealed)| batches::with(&batch, *at, bytes, *sealed))
        .collect();
    cases.extend([
        batches::cut(&batch, 1),
        batches::cut(&batch, 70),
        batches::joined(&batch, &batch),
        format!("{batch}00"),
        "hex:00".to_owned(),
    ]);
    // Each in a partition of its own, so that one that is taken does not move the offsets of the next.
    for version in [3, 9, 13] {
        for (partition, case) in (0..).zip(&cases) {
            produce(lab, version, "broken", partition, case);
        }
    }
    fetch_all(lab, "broken", 0);
}

/// Sound in themselves, with a head that no client writes.
pub(crate) fn odd_heads(lab: &mut Lab) {
    lab.create_topic("odd-heads", 20, KEPT);
    let batch = batches::plain(&["one", "two"]);
    let stamped = batches::stamped(77, 0, 0, &["one", "two"]);
    let of_no_epoch = batches::stamped(78, -1, 0, &["one", "two"]);
    let of_epoch_before_none = batches::stamped(79, -2, 0, &["one", "two"]);
    let log_append_time = batches::with(&batch, 21, &[0, 8], true);
    let cases = [
        log_append_time.clone(),
        batches::with(&log_append_time, 35, &[0xff; 8], true), // without a largest time
        batches::with(&batch, 57, &[0; 4], true),              // a count of no records
        batches::with(&batch, 57, &[0xff; 4], true),           // of −1
        batches::with(&batch, 53, &[0; 4], true),              // a sequence without a producer
        batches::with(&batch, 51, &[0; 2], true),              // an epoch without a producer
        batches::with(&stamped, 53, &[0xff; 4], true),         // a producer without a sequence
        of_no_epoch.clone(),
        of_epoch_before_none.clone(),
        batches::with(&of_no_epoch, 53, &[0xff; 4], true),
        batches::with(
            &stamped,
            43,
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe],
            true,
        ), // a producer of −2
        batches::with(&batch, 8, &[0, 0, 0, 1], false), // a length of 1
        batches::with(&batch, 8, &[0, 0, 0, 0], false),
        batches::with(&batch, 8, &[0xff; 4], false),
        batches::with(&batch, 8, &[0, 0, 0, 48], false),
        batches::with(&batch, 8, &[0, 0, 0, 49], false),
    ];
    for version in [3, 9, 13] {
        for (partition, case) in (0..).zip(&cases) {
            produce(lab, version, "odd-heads", partition, case);
            produce(lab, version, "odd-heads", partition, &batch);
        }
    }
    for (partition, _) in (0..).zip(&cases) {
        fetch_from(lab, "odd-heads", partition, 0);
    }
}
