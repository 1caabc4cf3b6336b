//! How an operation says no.

use ottla_protocol::error::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::config::InvalidConfig;
use crate::placement::PlacementError;
use crate::topic_name::InvalidTopicName;

/// Kafka's error and what a person should read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{}: {message}", code.name())]
pub struct Refused {
    /// What clients act on.
    pub code: ErrorCode,
    /// What people read.
    pub message: String,
}

impl Refused {
    /// A refusal with these words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// A refusal that its code says all about.
    pub fn plain(code: ErrorCode) -> Self {
        Self::new(code, code.message())
    }
}

impl From<InvalidTopicName> for Refused {
    fn from(error: InvalidTopicName) -> Self {
        Self::new(ErrorCode::InvalidTopicException, error.to_string())
    }
}

impl From<InvalidConfig> for Refused {
    fn from(error: InvalidConfig) -> Self {
        Self::new(ErrorCode::InvalidConfig, error.to_string())
    }
}

impl From<PlacementError> for Refused {
    fn from(error: PlacementError) -> Self {
        Self::new(ErrorCode::InvalidReplicationFactor, error.to_string())
    }
}
