//! What has configurations, by Kafka's numbers, and who may see or change them.

use ottla_metadata::operations::Refused;
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::StrBytes;

use crate::authorize::{Operation, Resource};
use crate::context::Call;

/// The kinds of resources that have configurations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Topic,
    Broker,
    BrokerLogger,
    ClientMetrics,
    Group,
}

impl Kind {
    /// All of them, in the order of their numbers.
    pub(super) const ALL: [Kind; 5] = [
        Kind::Topic,
        Kind::Broker,
        Kind::BrokerLogger,
        Kind::ClientMetrics,
        Kind::Group,
    ];

    pub(super) fn of(code: i8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }

    pub(super) fn code(self) -> i8 {
        match self {
            Kind::Topic => 2,
            Kind::Broker => 4,
            Kind::BrokerLogger => 8,
            Kind::ClientMetrics => 16,
            Kind::Group => 32,
        }
    }

    /// Whether the peer may do this to a resource of this kind.
    pub(super) fn authorize(
        self,
        call: Call<'_>,
        operation: Operation,
        name: &str,
    ) -> Result<(), Failure> {
        let (resource, refusal) = match self {
            Kind::Topic => (Resource::Topic(name), ErrorCode::TopicAuthorizationFailed),
            Kind::Group => (Resource::Group(name), ErrorCode::GroupAuthorizationFailed),
            Kind::Broker | Kind::BrokerLogger | Kind::ClientMetrics => {
                (Resource::Cluster, ErrorCode::ClusterAuthorizationFailed)
            }
        };
        if call.may(operation, resource) {
            Ok(())
        } else {
            Err(refusal.into())
        }
    }
}

/// Why a resource is not described or changed.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) code: ErrorCode,
    pub(super) message: Option<String>,
}

impl Failure {
    pub(super) fn because(code: ErrorCode, message: impl Into<String>) -> Failure {
        Failure {
            code,
            message: Some(message.into()),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Failure {
        Failure::because(ErrorCode::InvalidRequest, message)
    }

    /// The text beside the code.
    pub(super) fn text(self) -> StrBytes {
        StrBytes::from_string(self.message.unwrap_or_default())
    }
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        Failure {
            code,
            message: None,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Failure {
        Failure::because(refused.code, refused.message)
    }
}

/// A broker is asked about itself alone.
pub(super) fn check_broker(call: Call<'_>, name: &str) -> Result<(), Failure> {
    let own = call.broker.node_id.0;
    match name.parse::<i32>() {
        Ok(id) if id == own => Ok(()),
        Ok(id) => Err(Failure::invalid(format!("this is broker {own}, not {id}"))),
        Err(_) => Err(Failure::invalid(format!(
            "a broker's id is a number, not '{name}'"
        ))),
    }
}
