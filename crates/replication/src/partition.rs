//! A partition as the broker sees it: propose, read, wait.

use std::sync::Arc;

use futures::FutureExt;
use openraft::async_runtime::WatchReceiver;
use ottla_platform::work::blocking;
use ottla_protocol::records::CheckedBatch;
use ottla_protocol::types::NodeId;
use ottla_storage::{
    AbortedTransaction, Condition, EpochEnd, Log, LogConfig, LogState, ReadError, ReadSlices,
};
use tokio::task::coop::unconstrained;

use crate::entry::Proposal;
use crate::progress::{Registration, Waiter, Waiters};
use crate::shared::Shared;
use crate::throttle::Throttled;
use crate::ticket::{AppendError, Ticket};
use crate::types::{Member, Raft};

/// One replica of a partition. Cheap to clone.
#[derive(Clone)]
pub struct Partition {
    pub(crate) shared: Arc<Shared>,
    pub(crate) raft: Raft,
}

/// Which records a reader may see (KIP-98).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// All committed ones.
    ReadUncommitted,
    /// Those below the last stable offset, with aborted transactions named.
    ReadCommitted,
}

/// The offsets that bound a partition, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// Records below are deleted.
    pub log_start_offset: i64,
    /// Records below are decided: no transaction that began below is open.
    pub last_stable_offset: i64,
    /// Records below are committed.
    pub high_watermark: i64,
    /// Offset of the next record.
    pub log_end_offset: i64,
}

/// What a read found.
#[derive(Debug)]
pub struct ReadData {
    /// Whole batches; none if there is nothing yet.
    pub records: ReadSlices,
    /// Aborted transactions among them, under read committed.
    pub aborted: Vec<AbortedTransaction>,
    /// As they were just before the read.
    pub watermarks: Watermarks,
}

/// Why the log start was not moved.
#[derive(Debug, thiserror::Error)]
pub enum DeleteRecordsError {
    /// Beyond the high watermark, or negative.
    #[error("offset {offset} is not between 0 and the high watermark {high_watermark}")]
    OutOfRange {
        /// Asked for.
        offset: i64,
        /// High watermark.
        high_watermark: i64,
    },
    /// The change could not be appended.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Partition {
    /// Whether this broker leads the partition and knows all that is committed.
    pub fn is_leader(&self) -> bool {
        self.shared.leads()
    }

    /// Whether this broker leads the partition and, as far as it can tell, nobody else does.
    pub fn serves(&self) -> bool {
        self.shared.serves()
    }

    /// Why this replica takes part in nothing any more, if so: openraft stops a group for good when its
    /// log has failed it, and is stopped when its leader contradicts what is committed. Only opening it
    /// anew helps.
    pub fn stopped_by(&self) -> Option<String> {
        let state = self.raft.metrics().borrow_watched().running_state.clone();
        state.err().map(|stopped| stopped.to_string())
    }

    /// Waits until this replica takes part in nothing any more; why.
    pub async fn stopped(&self) -> String {
        let mut metrics = self.raft.metrics();
        loop {
            if let Err(stopped) = &metrics.borrow_watched().running_state {
                return stopped.to_string();
            }
            if metrics.changed().await.is_err() {
                return "it has ended".to_owned();
            }
        }
    }

    /// Whether both are the same replica, opened once.
    pub fn is_same(&self, other: &Partition) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// Whether this replica is the only one, and stays it.
    pub(crate) fn is_alone(&self) -> bool {
        self.shared.is_alone()
    }

    /// The end of each follower's log, as this leader knows it; of those that lag behind what is in
    /// memory nothing is told.
    pub fn follower_ends(&self) -> Vec<(NodeId, i64)> {
        let end = |next_index| self.shared.log.offset_after(next_index);
        let matched = self.matched().into_iter();
        matched
            .filter_map(|(node, next_index)| Some((node, end(next_index)?)))
            .collect()
    }

    /// Who votes in the partition's group; nobody before it is founded.
    pub fn voters(&self) -> Arc<[NodeId]> {
        self.shared.voters()
    }

    /// The broker known to lead, if any.
    pub fn leader(&self) -> Option<NodeId> {
        let Member(node) = self.shared.leadership().leader?;
        Some(NodeId(node))
    }

    /// The newest leader epoch: the Raft term.
    pub fn leader_epoch(&self) -> i32 {
        self.shared.leadership().term
    }

    /// The offsets that bound the partition.
    pub fn watermarks(&self) -> Watermarks {
        // Read before the log's end, which can only grow meanwhile.
        let high_watermark = self.shared.high_watermark();
        let LogState {
            log_start_offset,
            log_end_offset,
            ..
        } = self.shared.log.state();
        Watermarks {
            log_start_offset,
            // A transaction may have begun with records that are deleted.
            last_stable_offset: self
                .shared
                .log
                .last_stable_offset(high_watermark)
                .max(log_start_offset),
            high_watermark: high_watermark.max(log_start_offset),
            log_end_offset,
        }
    }

    /// Proposes a batch. Batches enter the log in the order of calls. A duplicate of one of its
    /// producer's last five batches succeeds with the original's offset and is not appended.
    pub fn propose(&self, batch: CheckedBatch, condition: Option<Condition>) -> Ticket {
        if !self.is_leader() {
            return Ticket::ready(Err(AppendError::NotLeader));
        }
        let header = &batch.batch().header;
        if let Err(full) = self.shared.log.admit(batch.batch().size_bytes()) {
            return Ticket::ready(Err(full.into()));
        }
        let original = self.shared.log.duplicate_of(header);
        let (sender, ticket) = Ticket::new();
        match original {
            Some(original) => self.shared.when_committed(original, sender),
            None => {
                let proposal = Proposal::Batch {
                    batch,
                    condition,
                    ticket: sender,
                };
                if let Err(error) = self.submit(proposal) {
                    return Ticket::ready(Err(error));
                }
            }
        }
        ticket
    }

    /// Hands a proposal to the group without waiting, which keeps the order of calls.
    pub(crate) fn submit_now(&self, proposal: Proposal) -> Result<(), AppendError> {
        let sent = unconstrained(self.raft.client_write_ff(proposal, None)).now_or_never();
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_stopped)) => Err(AppendError::NotLeader),
            None => Err(AppendError::Busy),
        }
    }

    /// Reads whole batches from the one that holds `offset`, up to `max_bytes`; with `min_one`
    /// the first comes whatever its size. An offset between the high watermark and the log's end
    /// yields nothing.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(
        &self,
        offset: i64,
        max_bytes: usize,
        min_one: bool,
        isolation: Isolation,
    ) -> Result<ReadData, ReadError> {
        let watermarks = self.watermarks();
        let below = watermarks.readable_end(isolation);
        let log = &self.shared.log;
        let read = || {
            let records = log.read(offset, max_bytes, min_one, below)?;
            let aborted = match isolation {
                Isolation::ReadCommitted if !records.slices.is_empty() => {
                    log.aborted_transactions(records.first_offset, records.next_offset)?
                }
                Isolation::ReadCommitted | Isolation::ReadUncommitted => Vec::new(),
            };
            Ok((records, aborted))
        };
        let read = read();
        if read.as_ref().is_err_and(ReadError::is_damage) {
            self.shared.tell_damage();
        }
        let (records, aborted) = read?;
        Ok(ReadData {
            records,
            aborted,
            watermarks,
        })
    }

    /// Has `waiter` woken whenever a watermark or the leadership moves, until the registration
    /// is dropped. Look again after registering: what moved before is not told.
    pub fn register(&self, waiter: &Arc<Waiter>) -> Registration {
        Waiters::register(&self.shared.waiters, waiter)
    }

    /// The log, for what only reads it: times, epochs, sizes, producers.
    pub fn log(&self) -> &Log {
        &self.shared.log
    }

    /// The end of a leader epoch in this replica's log, committed or not, for OffsetForLeaderEpoch.
    pub fn epoch_end(&self, epoch: i32) -> EpochEnd {
        self.shared.log.epoch_end(epoch)
    }

    /// Deletes the records below `offset` and gives the new log start offset. Files go later.
    ///
    /// # Errors
    /// See [`DeleteRecordsError`].
    pub async fn delete_records(&self, offset: i64) -> Result<i64, DeleteRecordsError> {
        let watermarks = self.watermarks();
        if offset < 0 || offset > watermarks.high_watermark {
            return Err(DeleteRecordsError::OutOfRange {
                offset,
                high_watermark: watermarks.high_watermark,
            });
        }
        if offset <= watermarks.log_start_offset {
            return Ok(watermarks.log_start_offset);
        }
        if !self.is_leader() {
            return Err(AppendError::NotLeader.into());
        }
        let (ticket_sender, ticket) = Ticket::new();
        self.submit(Proposal::LogStart {
            offset,
            ticket: ticket_sender,
        })?;
        ticket.await?;
        Ok(self.watermarks().log_start_offset)
    }

    /// Applies retention: deletes what is too old or too much at `now_ms`. The new log start
    /// offset if it moved.
    ///
    /// # Errors
    /// The disk fails, or the change could not be appended.
    pub async fn retain(&self, now_ms: i64) -> Result<Option<i64>, RetainError> {
        if !self.is_leader() {
            return Ok(None);
        }
        let shared = self.shared.clone();
        let target = blocking(move || {
            let high_watermark = shared.high_watermark();
            shared.log.retention_target(now_ms, high_watermark)
        })
        .await??;
        match target {
            Some(offset) => Ok(Some(self.delete_records(offset).await?)),
            None => Ok(None),
        }
    }

    /// Gives back the space of segments that lie below the log start: snapshots at their end and
    /// purges. Whether there was something.
    ///
    /// # Errors
    /// The disk fails, or the group has stopped.
    pub async fn purge(&self) -> Result<bool, RetainError> {
        let shared = self.shared.clone();
        let boundary = blocking(move || {
            let applied = shared.log.read_committed();
            applied.map_or(Ok(None), |id| shared.log.boundary_for_purge(id.index))
        })
        .await??;
        let Some(last) = boundary.and_then(|boundary| boundary.last) else {
            return Ok(false);
        };
        if Some(last.index) <= self.shared.log.state().purged.map(|id| id.index) {
            return Ok(false);
        }
        let mut progress = self.raft.watch_snapshot_progress();
        let trigger = self.raft.trigger();
        trigger.snapshot().await.map_err(|_| RetainError::Stopped)?;
        let wanted = crate::types::raft_id(last);
        progress
            .wait_until_ge(&Some(wanted))
            .await
            .map_err(|_| RetainError::Stopped)?;
        trigger
            .purge_log(last.index)
            .await
            .map_err(|_| RetainError::Stopped)?;
        Ok(true)
    }

    /// Which of its replicas are held up from now on while they do not keep up.
    pub fn set_throttled(&self, throttled: Throttled) {
        self.shared.set_throttled(throttled);
    }

    /// Changes the log's settings from now on.
    pub fn set_config(&self, config: LogConfig) {
        self.shared.log.set_config(config);
    }
}

/// Why retention or purge did not happen.
#[derive(Debug, thiserror::Error)]
pub enum RetainError {
    /// The disk fails.
    #[error("the log cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The log start could not be moved.
    #[error(transparent)]
    LogStart(#[from] DeleteRecordsError),
    /// The group has stopped.
    #[error("the group has stopped")]
    Stopped,
}

impl Watermarks {
    /// The end of what a reader may see.
    pub fn readable_end(&self, isolation: Isolation) -> i64 {
        match isolation {
            Isolation::ReadUncommitted => self.high_watermark,
            Isolation::ReadCommitted => self.last_stable_offset,
        }
    }
}
