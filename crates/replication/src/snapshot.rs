//! Snapshots: a segment boundary. The log itself is the state, so a snapshot only says where it
//! may begin and what must be known there.

use std::io;

use openraft::alias::SnapshotOf;
use openraft::storage::RaftSnapshotBuilder;
use ottla_platform::work::blocking;
use ottla_storage::Boundary;

use crate::codec::{decode_membership, encode_membership};
use crate::state_machine::StateMachine;
use crate::types::{SnapshotMeta, StoredMembership, Types, log_id, raft_id};

/// Picks a boundary of the log as the snapshot.
pub(crate) struct SnapshotBuilder {
    pub(crate) machine: StateMachine,
}

impl RaftSnapshotBuilder<Types> for SnapshotBuilder {
    type SnapshotData = Boundary;

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Types, Boundary>> {
        let machine = self.machine.clone();
        let boundary = blocking(move || boundary_of(&machine)).await??;
        self.machine.applied.lock().snapshot = Some(boundary.clone());
        snapshot_of(boundary)
    }
}

/// The newest boundary that the log may begin at; failing that, what is applied. The latter is
/// what openraft's tests build, and never leads to a purge: that names a boundary of the log.
fn boundary_of(machine: &StateMachine) -> io::Result<Boundary> {
    let log = &machine.shared.log;
    let applied = machine.applied.lock().last;
    if let Some(applied) = applied
        && let Some(boundary) = log.boundary_for_purge(applied.index)?
    {
        return Ok(boundary);
    }
    let applied = machine.applied.lock();
    let members = applied.membership.membership();
    Ok(Boundary {
        last: applied.last,
        next_offset: machine.shared.high_watermark(),
        log_start_offset: log.state().log_start_offset,
        membership: applied
            .membership
            .log_id()
            .as_ref()
            .map(|id| (log_id(id), encode_membership(members))),
        ..Boundary::default()
    })
}

/// A boundary as openraft hands snapshots around.
///
/// # Errors
/// Its membership cannot be read.
pub(crate) fn snapshot_of(boundary: Boundary) -> io::Result<SnapshotOf<Types, Boundary>> {
    let last_membership = match &boundary.membership {
        Some((id, bytes)) => StoredMembership::new(Some(raft_id(*id)), decode_membership(bytes)?),
        None => StoredMembership::default(),
    };
    let meta = SnapshotMeta {
        last_log_id: boundary.last.map(raft_id),
        last_membership,
    };
    Ok(SnapshotOf::<Types, Boundary> {
        meta,
        snapshot: boundary,
    })
}
