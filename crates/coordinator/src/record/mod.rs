//! The records of `__consumer_offsets`: Kafka's own, key and value, so that Kafka's tools read our
//! log and we read Kafka's.

mod frame;
mod group_metadata;
mod offset_commit;

#[cfg(test)]
pub(crate) mod arbitrary;

pub use frame::{
    DecodeError, EncodedRecord, Record, TransactionalProducer, decode, encode, in_transaction,
};
pub use group_metadata::{GroupMetadataValue, MemberMetadata};
pub use offset_commit::{OffsetCommitKey, OffsetCommitValue};
