//! Why a partition cannot be read on.

use ottla_protocol::ErrorCode;

use crate::error::ClientError;
use crate::partition::TopicPartition;

/// An error of one partition, which is not read on after it. The others are.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConsumeError {
    /// Topic, partition or offset cannot be found.
    #[error("{partition}: {error}")]
    Lookup {
        /// The partition.
        partition: TopicPartition,
        /// What happened.
        error: ClientError,
    },
    /// The leader refuses to serve the partition.
    #[error("{partition}: {} ({})", .code.message(), .code.name())]
    Refused {
        /// The partition.
        partition: TopicPartition,
        /// Kafka's error.
        code: ErrorCode,
    },
    /// The offset is not in the log.
    #[error("{partition} does not have offset {offset} (any more)")]
    OutOfRange {
        /// The partition.
        partition: TopicPartition,
        /// The offset asked for.
        offset: i64,
    },
    /// What the leader sent is broken.
    #[error("{partition} at offset {offset}: {reason}")]
    Corrupt {
        /// The partition.
        partition: TopicPartition,
        /// Where reading stood.
        offset: i64,
        /// What is wrong.
        reason: String,
    },
    /// The consumer has no partition left to read.
    #[error("there is no partition left to read")]
    Finished,
}

impl ConsumeError {
    /// The partition that the error is about.
    pub fn partition(&self) -> Option<&TopicPartition> {
        match self {
            ConsumeError::Lookup { partition, .. }
            | ConsumeError::Refused { partition, .. }
            | ConsumeError::OutOfRange { partition, .. }
            | ConsumeError::Corrupt { partition, .. } => Some(partition),
            ConsumeError::Finished => None,
        }
    }
}
