//! Why a record was not delivered, or is not known to be.

use std::time::Duration;

use ottla_protocol::ErrorCode;

use crate::error::ClientError;
use crate::partition::TopicPartition;

/// What became of a record that was not delivered. All records of a batch share it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProduceError {
    /// The record alone is larger than a request may be.
    #[error(
        "a record of {size_bytes} bytes is larger than a request may be ({limit_bytes} bytes, max.request.size)"
    )]
    RecordTooLarge {
        /// Its size.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The record names a partition that the topic does not have.
    #[error("topic {topic} has {partitions} partitions, there is no {partition}")]
    NoSuchPartition {
        /// The topic.
        topic: String,
        /// The partition named.
        partition: i32,
        /// How many there are.
        partitions: usize,
    },
    /// The topic cannot be found.
    #[error(transparent)]
    Topic(#[from] ClientError),
    /// The producer holds as much memory as it may, and nothing was delivered meanwhile.
    #[error("no memory for the record became free within {} ms (buffer.memory, max.block.ms)", .0.as_millis())]
    BufferFull(Duration),
    /// The codec failed.
    #[error("compressing the records failed: {0}")]
    Compression(String),
    /// The cluster refused the batch; it is not in the log.
    #[error("{partition}: {} ({})", .detail.as_deref().unwrap_or(.code.message()), .code.name())]
    Refused {
        /// Where it was to go.
        partition: TopicPartition,
        /// Kafka's error.
        code: ErrorCode,
        /// What the broker says beside it.
        detail: Option<String>,
    },
    /// It could not be delivered in time.
    #[error("{partition}: not delivered within {} ms{}{}", .after.as_millis(), because(.last), doubt(.is_in_doubt))]
    TimedOut {
        /// Where it was to go.
        partition: TopicPartition,
        /// How long was tried.
        after: Duration,
        /// The last failure, if there was one.
        last: Option<String>,
        /// Whether it may be in the log all the same.
        is_in_doubt: bool,
    },
    /// The producer was closed before.
    #[error("the producer is closed")]
    Closed,
}

fn because(last: &Option<String>) -> String {
    last.as_ref()
        .map_or_else(String::new, |last| format!(": {last}"))
}

fn doubt(is_in_doubt: &bool) -> &'static str {
    if *is_in_doubt {
        " (it may have been appended)"
    } else {
        ""
    }
}
