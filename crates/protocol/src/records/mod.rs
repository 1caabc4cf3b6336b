//! Record batches (magic 2): the unit in which records are sent, stored, replicated and served.
//!
//! In reading order: the fixed header, a whole batch, the records inside, what makes a batch
//! acceptable, codecs, and how to build one, what compaction
//! leaves of one. Nothing here knows of requests, logs or topics.
//! Sources: KIP-98, KIP-32, `DefaultRecordBatch`, `DefaultRecord` and `LogValidator` of Apache Kafka.

mod attributes;
mod batch;
mod builder;
mod check;
mod compression;
mod header;
mod marker;
mod recompress;
mod record;
mod retain;
mod varint;

pub use attributes::{Attributes, TimestampType};
pub use batch::{Batch, BatchError, Batches};
pub use builder::{BatchBuilder, ProducerStamp};
pub use check::{CheckError, CheckRules, CheckedBatch, RecordError, check};
pub use compression::{Compression, CompressionError, compress, decompress};
pub use header::{BatchHeader, HEADER_LEN, MAGIC, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE};
pub use marker::EndMarker;
pub use record::{Record, RecordHeader, RecordIter};
pub use retain::{RawRecord, RawRecords};
