//! What tests of several modules need: batches made in one line.

use ottla_protocol::records::{Batch, BatchBuilder, Compression, ProducerStamp};

/// A batch of `records` small records, the first at `timestamp`, each one millisecond later.
pub(crate) fn batch(records: i32, timestamp: i64, producer: Option<ProducerStamp>) -> Batch {
    let mut builder = BatchBuilder::new(Compression::None);
    if let Some(stamp) = producer {
        builder = builder.with_producer(stamp);
    }
    for n in 0..records {
        builder.push(timestamp + i64::from(n), None, Some(b"value"), &[]);
    }
    builder.build().unwrap()
}

/// The batch as a frame of the log, at its place.
pub(crate) fn placed(batch: Batch, term: i32, base_offset: i64) -> crate::Frame {
    let mut frame = crate::Frame::from(batch);
    frame.header.base_offset = base_offset;
    frame.header.partition_leader_epoch = term;
    frame
}
