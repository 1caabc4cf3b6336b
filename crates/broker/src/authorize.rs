//! The one gate in front of every handler: who may do what to which resource.
//!
//! Handlers name Kafka's operation and resource and shape Kafka's answer to a refusal; whether it is
//! refused is decided here alone. For now everything is allowed.

use crate::net::Peer;

/// Kafka's operations on resources, with the numbers that its ACLs and bit fields use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names are Kafka's and say it")]
pub enum Operation {
    Read = 3,
    Write = 4,
    Create = 5,
    Delete = 6,
    Alter = 7,
    Describe = 8,
    ClusterAction = 9,
    DescribeConfigs = 10,
    AlterConfigs = 11,
    IdempotentWrite = 12,
}

/// What an operation is on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Resource<'a> {
    /// A topic, by name.
    Topic(&'a str),
    /// A group, by id.
    Group(&'a str),
    /// The cluster.
    Cluster,
    /// A transactional producer, by its id.
    TransactionalId(&'a str),
    /// Some topic, whichever: what an idempotent producer needs to be able to write to.
    AnyTopic,
}

const TOPIC_OPERATIONS: &[Operation] = &[
    Operation::Read,
    Operation::Write,
    Operation::Create,
    Operation::Delete,
    Operation::Alter,
    Operation::Describe,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

const GROUP_OPERATIONS: &[Operation] = &[
    Operation::Read,
    Operation::Delete,
    Operation::Describe,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
];

const CLUSTER_OPERATIONS: &[Operation] = &[
    Operation::Create,
    Operation::Alter,
    Operation::Describe,
    Operation::ClusterAction,
    Operation::DescribeConfigs,
    Operation::AlterConfigs,
    Operation::IdempotentWrite,
];

/// Decides.
#[derive(Debug, Default)]
pub struct Gate {
    #[cfg(test)]
    refused: Vec<Operation>,
}

impl Gate {
    /// A gate that refuses these operations to everyone, on everything.
    #[cfg(test)]
    pub(crate) fn refusing(operations: &[Operation]) -> Gate {
        Gate {
            refused: operations.to_vec(),
        }
    }

    /// Whether the peer may do this.
    pub fn allows(&self, _peer: &Peer, operation: Operation, _resource: Resource<'_>) -> bool {
        #[cfg(test)]
        if self.refused.contains(&operation) {
            return false;
        }
        let _ = operation;
        true
    }

    /// All that the peer may do to a resource, as the bit field that answers carry.
    pub fn allowed_operations(&self, peer: &Peer, resource: Resource<'_>) -> i32 {
        let operations = match resource {
            Resource::Cluster => CLUSTER_OPERATIONS,
            Resource::Topic(_) | Resource::AnyTopic => TOPIC_OPERATIONS,
            Resource::Group(_) => GROUP_OPERATIONS,
            // No answer says what may be done to them.
            Resource::TransactionalId(_) => &[],
        };
        let allowed = operations
            .iter()
            .filter(|&&operation| self.allows(peer, operation, resource));
        allowed.fold(0, |field, &operation| field | 1 << operation as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer {
            address: "127.0.0.1:1".parse().unwrap(),
            listener: "PLAINTEXT".into(),
            number: 0,
        }
    }

    #[test]
    fn bit_fields_are_those_of_kafka_without_an_authorizer() {
        let gate = Gate::default();
        assert_eq!(gate.allowed_operations(&peer(), Resource::Topic("t")), 3576);
        assert_eq!(gate.allowed_operations(&peer(), Resource::Cluster), 8096);
        assert_eq!(gate.allowed_operations(&peer(), Resource::Group("g")), 3400);
    }

    #[test]
    fn what_is_refused_is_not_in_the_bit_field() {
        let gate = Gate::refusing(&[Operation::Alter]);
        assert!(!gate.allows(&peer(), Operation::Alter, Resource::Topic("t")));
        assert_eq!(
            gate.allowed_operations(&peer(), Resource::Topic("t")),
            3576 - 128
        );
    }
}
