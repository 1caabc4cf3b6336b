//! The state machine of a group: watermarks, log start and membership. It never sees data.

use std::io;
use std::sync::Arc;

use futures::{Stream, TryStreamExt};
use openraft::OptionalSend;
use openraft::alias::SnapshotOf;
use openraft::storage::{EntryResponder, RaftStateMachine};
use ottla_storage::{Boundary, EntryKind, LogId, Private};
use parking_lot::Mutex;

use crate::codec::decode_membership;
use crate::entry::Payload;
use crate::room::when_room;
use crate::shared::Shared;
use crate::snapshot::{SnapshotBuilder, snapshot_of};
use crate::types::{RaftLogId, SnapshotMeta, StoredMembership, Types, raft_id};

/// One group's state machine. Clones (the snapshot builder has one) share its state.
#[derive(Clone)]
pub(crate) struct StateMachine {
    pub(crate) shared: Arc<Shared>,
    pub(crate) applied: Arc<Mutex<Applied>>,
}

/// What has been applied.
#[derive(Default)]
pub(crate) struct Applied {
    pub(crate) last: Option<LogId>,
    pub(crate) membership: StoredMembership,
    pub(crate) snapshot: Option<Boundary>,
}

impl StateMachine {
    /// Starts from what the log knows to be committed.
    ///
    /// # Errors
    /// The log's membership cannot be read.
    pub(crate) fn new(shared: Arc<Shared>) -> io::Result<StateMachine> {
        let state = shared.log.state();
        let last = shared
            .log
            .read_committed()
            .min(state.last)
            .max(state.purged);
        // Of what is not known to be committed too: it counts from its append on.
        if let Some((_, bytes)) = state
            .last
            .and_then(|last| shared.log.last_membership(last.index))
        {
            shared.set_members(&decode_membership(&bytes)?);
        }
        let mut applied = Applied {
            last,
            ..Applied::default()
        };
        if let Some(last) = last {
            if let Some((id, bytes)) = shared.log.last_membership(last.index) {
                let membership = decode_membership(&bytes)?;
                applied.membership = StoredMembership::new(Some(raft_id(id)), membership);
            }
            let offset = match shared.log.entry(last.index) {
                Some(meta) => meta.next_offset,
                None if state.last == Some(last) => state.log_end_offset,
                None => state.log_start_offset,
            };
            shared.applied(last, offset);
        }
        if let Some(purged) = state.purged {
            applied.snapshot = shared.log.boundary_below(purged.index)?;
        }
        Ok(StateMachine {
            shared,
            applied: Arc::new(Mutex::new(applied)),
        })
    }
}

impl RaftStateMachine<Types> for StateMachine {
    type SnapshotData = Boundary;
    type SnapshotBuilder = SnapshotBuilder;

    async fn applied_state(&mut self) -> io::Result<(Option<RaftLogId>, StoredMembership)> {
        let applied = self.applied.lock();
        Ok((applied.last.map(raft_id), applied.membership.clone()))
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut high_watermark = self.shared.high_watermark();
        let (mut last, mut opened_term) = (None, None);
        while let Some((entry, responder)) = entries.try_next().await? {
            let id = entry.id();
            match entry.payload {
                Payload::Blank => opened_term = Some(id.term),
                Payload::Membership(membership) => {
                    self.shared.set_members(&membership);
                    self.applied.lock().membership =
                        StoredMembership::new(Some(raft_id(id)), membership);
                }
                Payload::Header(meta) => {
                    high_watermark = high_watermark.max(meta.next_offset);
                    if let EntryKind::Private(Private::LogStart { offset }) = meta.kind {
                        self.shared.log.advance_log_start(offset);
                    }
                }
                Payload::Proposed(_)
                | Payload::Received(_)
                | Payload::Gap(_)
                | Payload::Frame(_) => {
                    unreachable!("the log hands headers to the state machine")
                }
            }
            last = Some(id);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        if let Some(last) = last {
            self.applied.lock().last = Some(last);
            self.shared.applied(last, high_watermark);
        }
        if let Some(term) = opened_term {
            self.shared.settle(term);
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> SnapshotBuilder {
        SnapshotBuilder {
            machine: self.clone(),
        }
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        boundary: Boundary,
    ) -> io::Result<()> {
        let reset = {
            let boundary = boundary.clone();
            move |shared: &Shared| {
                shared.log.reset_to(&boundary)?;
                shared.truncated(0);
                Ok(())
            }
        };
        when_room(&self.shared, "replaced", reset).await?;
        let mut applied = self.applied.lock();
        applied.last = boundary.last;
        applied.membership = meta.last_membership.clone();
        self.shared.set_members(applied.membership.membership());
        if let Some(last) = boundary.last {
            self.shared.applied(last, boundary.next_offset);
        }
        applied.snapshot = Some(boundary);
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Types, Boundary>>> {
        let snapshot = self.applied.lock().snapshot.clone();
        snapshot.map(snapshot_of).transpose()
    }
}
