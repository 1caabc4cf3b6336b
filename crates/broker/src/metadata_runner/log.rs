//! The metadata partition's records.
//!
//! One record of the log is one metadata record in Kafka's frame; a step's records are one batch.

use std::io;

use ottla_metadata::machine::Metadata;
use ottla_metadata::record::{self, DecodeError, Record};
use ottla_protocol::records::{
    Batch, BatchBuilder, BatchError, Batches, CheckedBatch, Compression, CompressionError,
};
use ottla_replication::{Isolation, Partition};
use ottla_statemachine::{Offset, Replay};
use ottla_storage::ReadError;

/// Bytes of the log that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Why the metadata log cannot be followed. There is nothing to go on without it.
#[derive(Debug, thiserror::Error)]
pub enum MetadataLogError {
    /// The disk fails.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What is there is no batch.
    #[error("no record batch at offset {offset}: {source}")]
    Batch {
        /// Where.
        offset: i64,
        /// What is wrong.
        source: BatchError,
    },
    /// A batch cannot be unpacked.
    #[error("batch at offset {offset}: {source}")]
    Unpack {
        /// Where.
        offset: i64,
        /// What is wrong.
        source: CompressionError,
    },
    /// A batch's records cannot be read.
    #[error("batch at offset {offset}: {source}")]
    Records {
        /// Where.
        offset: i64,
        /// What is wrong.
        source: io::Error,
    },
    /// A record is none that this version knows.
    #[error("record at offset {offset}: {source}")]
    Record {
        /// Where.
        offset: i64,
        /// What is wrong.
        source: DecodeError,
    },
    /// A record without a value.
    #[error("record at offset {offset} is empty")]
    Empty {
        /// Where.
        offset: i64,
    },
}

/// Folds all that is committed. Blocks.
pub(super) fn load(
    partition: &Partition,
    mut replay: Replay<Metadata>,
) -> Result<Replay<Metadata>, MetadataLogError> {
    loop {
        let from = replay.next_offset().0;
        let read = partition.read(from, READ_BYTES, true, Isolation::ReadUncommitted)?;
        if read.records.slices.is_empty() {
            return Ok(replay);
        }
        for slice in read.records.slices {
            for batch in Batches(slice) {
                let offset = replay.next_offset().0;
                let batch = batch.map_err(|source| MetadataLogError::Batch { offset, source })?;
                load_batch(&batch, &mut replay)?;
            }
        }
        replay.skip_to(Offset(read.records.next_offset));
    }
}

fn load_batch(batch: &Batch, replay: &mut Replay<Metadata>) -> Result<(), MetadataLogError> {
    let offset = batch.header.base_offset;
    let records = batch
        .records(READ_BYTES)
        .map_err(|source| MetadataLogError::Unpack { offset, source })?;
    for entry in records {
        let entry = entry.map_err(|source| MetadataLogError::Records { offset, source })?;
        // A read begins with the whole batch that holds the offset asked for.
        if entry.offset < replay.next_offset().0 {
            continue;
        }
        let offset = entry.offset;
        let value = entry.value.ok_or(MetadataLogError::Empty { offset })?;
        let record =
            record::decode(&value).map_err(|source| MetadataLogError::Record { offset, source })?;
        replay.load(Offset(offset), &record);
    }
    Ok(())
}

/// The batch of one step.
pub(super) fn batch(records: &[Record], now_ms: i64) -> CheckedBatch {
    let mut builder = BatchBuilder::new(Compression::None);
    for one in records {
        builder.push(now_ms, None, Some(&record::encode(one)), &[]);
    }
    CheckedBatch::trusted(
        builder
            .build()
            .expect("nothing is compressed, so nothing can fail"),
    )
}
