//! Why talking to the cluster failed, as values.
//!
//! [`ConnectionError`] is about one socket; [`ClientError`] about an operation of the caller. Both can be cloned,
//! because one broken connection fails every request that waits on it.

use std::sync::Arc;
use std::time::Duration;

use ottla_protocol::{ErrorCode, NodeId};

use crate::address::Address;

/// Why one connection, or one request on it, failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ConnectionError {
    /// The socket never came up.
    #[error("cannot connect: {0}")]
    Connect(Arc<std::io::Error>),
    /// The socket did not come up in time.
    #[error("cannot connect: no answer within {} ms", .0.as_millis())]
    ConnectTimedOut(Duration),
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Broken(Arc<std::io::Error>),
    /// The other side closed the connection in order.
    #[error("the broker closed the connection")]
    ClosedByPeer,
    /// This side closed it.
    #[error("the connection is closed")]
    Closed,
    /// No response in time. Whether the request took effect is unknown.
    #[error("no response to {api} within {} ms", .after.as_millis())]
    TimedOut {
        /// The request's name.
        api: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// A response of a size that is not taken.
    #[error("{0}")]
    Frame(#[from] ottla_protocol::frame::FrameError),
    /// A response that answers another request than the next one due, or none at all.
    #[error("a response with correlation id {} came where {} was due", id(.found), id(.expected))]
    WrongCorrelation {
        /// The id of the oldest request without a response; `None` if there is none.
        expected: Option<i32>,
        /// The id found; `None` if the frame was too short to have one.
        found: Option<i32>,
    },
    /// A response that does not decode.
    #[error("the response to {api} version {version} does not decode: {reason}")]
    Malformed {
        /// The request's name.
        api: &'static str,
        /// Its version.
        version: i16,
        /// What the decoder says.
        reason: String,
    },
    /// A request that cannot be written at the version agreed.
    #[error("{api} version {version} cannot say this: {reason}")]
    Unencodable {
        /// The request's name.
        api: &'static str,
        /// Its version.
        version: i16,
        /// What the encoder says.
        reason: String,
    },
    /// The broker serves no version of an API that this client speaks.
    #[error("the broker does not serve {api} in versions {}–{} (it serves {})", .ours.0, .ours.1, serves(.theirs))]
    Unsupported {
        /// The request's name.
        api: &'static str,
        /// The first and last version spoken here.
        ours: (i16, i16),
        /// The first and last version served there, if any.
        theirs: Option<(i16, i16)>,
    },
    /// The broker answered version negotiation with an error.
    #[error("the broker refused to negotiate versions: {}", .0.name())]
    NegotiationRefused(ErrorCode),
    /// More requests are in flight than one connection takes.
    #[error("too many requests are waiting on this connection")]
    Busy,
}

fn id(id: &Option<i32>) -> String {
    id.map_or("none".to_owned(), |id| id.to_string())
}

fn serves(theirs: &Option<(i16, i16)>) -> String {
    match theirs {
        Some((first, last)) => format!("{first}–{last}"),
        None => "none".to_owned(),
    }
}

impl ConnectionError {
    /// Whether the same request may well succeed on a new connection.
    pub fn is_transient(&self) -> bool {
        match self {
            ConnectionError::Connect(_)
            | ConnectionError::ConnectTimedOut(_)
            | ConnectionError::Broken(_)
            | ConnectionError::ClosedByPeer
            | ConnectionError::Closed
            | ConnectionError::TimedOut { .. }
            | ConnectionError::Busy => true,
            ConnectionError::Frame(_)
            | ConnectionError::WrongCorrelation { .. }
            | ConnectionError::Malformed { .. }
            | ConnectionError::Unencodable { .. }
            | ConnectionError::Unsupported { .. }
            | ConnectionError::NegotiationRefused(_) => false,
        }
    }
}

/// Why an operation on the cluster failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// None of the brokers known can be talked to.
    #[error("no broker can be reached: {}", list(.0))]
    NoBroker(Vec<(Address, ConnectionError)>),
    /// A request to one broker failed.
    #[error("{broker}: {error}")]
    Connection {
        /// Where the broker listens.
        broker: Address,
        /// What happened.
        error: ConnectionError,
    },
    /// A broker's id that no metadata names.
    #[error("broker {0} is not in the cluster's metadata")]
    UnknownBroker(NodeId),
    /// The cluster answered with an error.
    #[error("{subject}: {}", describe(.code, .detail))]
    Refused {
        /// What the error is about: a topic, a partition, a config resource.
        subject: String,
        /// Kafka's error.
        code: ErrorCode,
        /// What the broker says about it, if it says more than the code.
        detail: Option<String>,
    },
    /// A partition has no leader at the moment.
    #[error("{topic}-{partition} has no leader")]
    NoLeader {
        /// The topic's name.
        topic: String,
        /// The partition.
        partition: i32,
    },
    /// A response that lacks what was asked for.
    #[error("the broker's response to {api} says nothing about {subject}")]
    Incomplete {
        /// The request's name.
        api: &'static str,
        /// What was asked about.
        subject: String,
    },
    /// The time allowed for the operation is over; the last failure tells why.
    #[error("gave up after {} ms: {last}", .after.as_millis())]
    GaveUp {
        /// How long was tried.
        after: Duration,
        /// The failure of the last attempt.
        last: Box<ClientError>,
    },
}

fn list(failures: &[(Address, ConnectionError)]) -> String {
    let texts: Vec<String> = failures
        .iter()
        .map(|(broker, error)| format!("{broker}: {error}"))
        .collect();
    texts.join("; ")
}

/// An error code in words: Kafka's name for it and the broker's own message, or ours where it sends none.
fn describe(code: &ErrorCode, detail: &Option<String>) -> String {
    match detail {
        Some(detail) if !detail.is_empty() => format!("{detail} ({})", code.name()),
        _ => format!("{} ({})", code.message(), code.name()),
    }
}

impl ClientError {
    /// The cluster's refusal of `subject`.
    pub(crate) fn refused(
        subject: impl Into<String>,
        code: ErrorCode,
        detail: Option<&str>,
    ) -> Self {
        ClientError::Refused {
            subject: subject.into(),
            code,
            detail: detail.map(str::to_owned),
        }
    }

    /// Whether another attempt may well succeed.
    pub fn is_retriable(&self) -> bool {
        match self {
            ClientError::NoBroker(failures) => {
                failures.iter().any(|(_, error)| error.is_transient())
            }
            ClientError::Connection { error, .. } => error.is_transient(),
            // Metadata that lags behind the error that named the broker.
            ClientError::UnknownBroker(_) | ClientError::NoLeader { .. } => true,
            ClientError::Refused { code, .. } => code.retriable(),
            ClientError::Incomplete { .. } | ClientError::GaveUp { .. } => false,
        }
    }

    /// Kafka's error code, where the cluster answered with one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            ClientError::Refused { code, .. } => Some(*code),
            ClientError::GaveUp { last, .. } => last.code(),
            _ => None,
        }
    }
}
