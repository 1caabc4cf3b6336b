//! Replicas that a request places itself.

use std::collections::BTreeSet;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;

use super::Refused;
use crate::image::Image;
use crate::placement::{Assignment, directory};

/// Checks the replicas that a request wants for a partition: known brokers, each once, as many as
/// the other partitions have, one of which can lead.
pub(super) fn assign(
    image: &Image,
    replicas: &[NodeId],
    replication_factor: Option<usize>,
    partition: i32,
    group_id: u64,
) -> Result<Assignment, Refused> {
    if replicas.is_empty() {
        return Err(invalid(format!(
            "partition {partition} is assigned no replicas"
        )));
    }
    let mut seen = BTreeSet::new();
    let mut brokers = Vec::with_capacity(replicas.len());
    for id in replicas {
        let broker = image.broker(*id).ok_or_else(|| {
            invalid(format!(
                "partition {partition} is assigned to broker {id}, which is not registered"
            ))
        })?;
        if !seen.insert(*id) {
            return Err(invalid(format!(
                "partition {partition} is assigned to broker {id} twice"
            )));
        }
        brokers.push(broker);
    }
    if let Some(expected) = replication_factor.filter(|expected| *expected != replicas.len()) {
        return Err(invalid(format!(
            "partition {partition} is assigned {} replica(s), but the others have {expected}",
            replicas.len()
        )));
    }
    if !brokers.iter().any(|broker| broker.is_active()) {
        return Err(invalid(format!(
            "partition {partition} is assigned to brokers that are all fenced or shutting down"
        )));
    }
    let directories = brokers
        .iter()
        .map(|broker| directory(broker, group_id))
        .collect();
    Ok(Assignment {
        replicas: replicas.to_vec(),
        directories,
    })
}

fn invalid(message: String) -> Refused {
    Refused::new(ErrorCode::InvalidReplicaAssignment, message)
}
