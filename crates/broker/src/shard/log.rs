//! The records of a state machine on its partition. A step's records are one batch.

use std::io;

use ottla_protocol::records::{
    Batch, BatchBuilder, BatchError, Batches, CheckedBatch, Compression, CompressionError,
    NO_SEQUENCE, ProducerStamp,
};
use ottla_replication::{Isolation, Partition};
use ottla_statemachine::{Offset, Replay};
use ottla_storage::ReadError;

use super::machine::{Envelope, Logged, Undecodable};

/// Bytes of the log that are read at once.
const READ_BYTES: usize = 1 << 20;
/// Bytes that a batch may unpack to; what this broker writes is not packed.
const UNPACKED_BYTES_MAX: usize = 64 << 20;

/// Why a log cannot be followed. There is nothing to go on without it.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
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
        source: Undecodable,
    },
}

impl LogError {
    /// Whether what was read is not what was written. Another replica may mend it.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self, LogError::Read(error) if error.is_damage())
    }
}

/// Folds all that is committed, as far as it can be read. Blocks.
pub(super) fn load<M: Logged>(
    partition: &Partition,
    replay: &mut Replay<M>,
) -> Result<(), LogError> {
    loop {
        let from = replay.next_offset().0;
        let read = partition.read(from, READ_BYTES, true, Isolation::ReadUncommitted)?;
        if read.records.next_offset <= from {
            return Ok(());
        }
        for slice in read.records.slices {
            for batch in Batches(slice) {
                let offset = replay.next_offset().0;
                let batch = batch.map_err(|source| LogError::Batch { offset, source })?;
                load_batch(&batch, replay)?;
            }
        }
        replay.skip_to(Offset(read.records.next_offset));
    }
}

fn load_batch<M: Logged>(batch: &Batch, replay: &mut Replay<M>) -> Result<(), LogError> {
    let offset = batch.header.base_offset;
    let envelope = match Envelope::of(batch) {
        None => return Ok(()),
        Some(envelope @ Envelope::End { .. }) => {
            load_record(M::enclosed(None, envelope), offset, replay);
            return Ok(());
        }
        Some(envelope) => envelope,
    };
    let records = batch
        .records(UNPACKED_BYTES_MAX)
        .map_err(|source| LogError::Unpack { offset, source })?;
    for entry in records {
        let entry = entry.map_err(|source| LogError::Records { offset, source })?;
        let offset = entry.offset;
        let record = M::decode(entry.key.as_deref(), entry.value.as_deref())
            .map_err(|source| LogError::Record { offset, source })?;
        load_record(M::enclosed(record, envelope), offset, replay);
    }
    Ok(())
}

fn load_record<M: Logged>(record: Option<M::Record>, offset: i64, replay: &mut Replay<M>) {
    // A read begins with the whole batch that holds the offset asked for.
    if offset < replay.next_offset().0 {
        return;
    }
    match record {
        Some(record) => replay.load(Offset(offset), &record),
        None => replay.skip_to(Offset(offset + 1)),
    }
}

/// The batch of one step.
pub(super) fn batch<M: Logged>(records: &[M::Record], now_ms: i64) -> CheckedBatch {
    let envelope = records.first().map(M::envelope).unwrap_or_default();
    let mut builder = BatchBuilder::new(Compression::None);
    match envelope {
        Envelope::Plain => {}
        Envelope::Transaction {
            producer_id,
            producer_epoch,
        } => {
            builder = builder.with_producer(ProducerStamp {
                producer_id,
                producer_epoch,
                base_sequence: NO_SEQUENCE,
                transactional: true,
            });
        }
        Envelope::End {
            producer_id,
            producer_epoch,
            marker,
        } => return CheckedBatch::trusted(marker.batch(producer_id, producer_epoch, now_ms)),
    }
    for record in records {
        let entry = M::encode(record);
        builder.push(now_ms, entry.key.as_deref(), entry.value.as_deref(), &[]);
    }
    CheckedBatch::trusted(
        builder
            .build()
            .expect("nothing is compressed, so nothing can fail"),
    )
}
