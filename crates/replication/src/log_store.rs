//! The segment log as openraft's log storage.
//!
//! `append` and `save_vote` run on openraft's core task and only queue work for the directory's
//! writer thread; what blocks goes to a blocking thread.

use std::fmt::Debug;
use std::io;
use std::ops::{Bound, Range, RangeBounds};
use std::sync::Arc;

use futures::Stream;
use openraft::OptionalSend;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, LogState, RaftLogReader, RaftLogStorage};
use ottla_storage::{EntryKind, EntryMeta, FollowerReject, LogId, Private, is_damage};
use tokio::sync::oneshot;

use crate::codec::{decode_membership, decode_vote, encode_membership, encode_vote};
use crate::damage::when_whole;
use crate::entry::{Entry, GapPart, Payload, Proposal, parts_of_gap, runs};
use crate::room::when_room;
use crate::shared::Shared;
use crate::types::{RaftLogId, Types, Vote, log_id, raft_id};

/// Bytes of entries read for a follower at once.
const READ_BYTES_MAX: usize = 1 << 20;
/// Indexes read for a follower at once: a gap is small, and has many.
pub(crate) const READ_INDEXES_MAX: u64 = 16 << 10;

/// The log of one group, for openraft. Clones are the same log.
#[derive(Clone)]
pub(crate) struct LogStore(pub(crate) Arc<Shared>);

impl LogStore {
    /// Appends an entry, or as many parts of one gap.
    fn append_run(&self, entry: Entry, count: u32) -> io::Result<()> {
        let (shared, log, id) = (&self.0, &self.0.log, entry.id());
        match entry.payload {
            Payload::Blank => log.append_private(id, &Private::Blank),
            Payload::Membership(membership) => {
                let members = Private::Membership(encode_membership(&membership));
                log.append_private(id, &members);
            }
            Payload::Proposed(Proposal::Batch {
                batch,
                condition,
                ticket,
            }) => {
                let now_ms = shared.clock.now_ms();
                let outcome = log.append_leader(id, batch, condition, now_ms);
                shared.appended(id.index, outcome, ticket);
            }
            Payload::Proposed(Proposal::LogStart { offset, ticket }) => {
                log.append_private(id, &Private::LogStart { offset });
                shared.log_start_appended(id.index, offset, ticket);
            }
            Payload::Received(frame) => {
                let now_ms = shared.clock.now_ms();
                log.append_follower(frame, now_ms).map_err(contradicts)?;
            }
            Payload::Gap(GapPart { offsets }) => {
                let now_ms = shared.clock.now_ms();
                let appended = log.append_gap(id, count, offsets, now_ms);
                appended.map_err(contradicts)?;
            }
            Payload::Header(_) | Payload::Frame(_) => {
                unreachable!("entries that were read back are not appended")
            }
        }
        shared.stir();
        Ok(())
    }

    fn clamp(&self, range: &impl RangeBounds<u64>) -> Range<u64> {
        let start = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        start..end.min(self.0.log.state().next_index)
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.0.log.state();
        Ok(LogState {
            last_purged_log_id: state.purged.map(raft_id),
            last_log_id: state.last.map(raft_id),
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let (done, saved) = oneshot::channel();
        let done = Box::new(move |result| drop(done.send(result)));
        self.0.log.save_vote(encode_vote(vote), done);
        saved.await.map_err(io::Error::other)??;
        self.0.voted(vote);
        Ok(())
    }

    async fn save_committed(&mut self, _committed: Option<RaftLogId>) -> io::Result<()> {
        // What is applied is noted instead (`Shared::applied`): it never runs ahead.
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<RaftLogId>> {
        let last = self.0.log.state().last;
        // After a power cut under asynchronous flush the note may be ahead of the log.
        Ok(self.0.log.read_committed().min(last).map(raft_id))
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        for (entry, count) in runs(entries) {
            self.append_run(entry, count)?;
        }
        self.0
            .log
            .submit(Box::new(move |result| done.io_completed(result)));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<RaftLogId>) -> io::Result<()> {
        let last = last.map(|id| id.index);
        let cut = move |shared: &Shared| {
            shared.log.truncate_after(last)?;
            shared.truncated(last.map_or(0, |index| index + 1));
            Ok(())
        };
        when_room(&self.0, "cut", cut).await
    }

    async fn purge(&mut self, id: RaftLogId) -> io::Result<()> {
        let purge = move |shared: &Shared| shared.log.purge_through(log_id(&id));
        when_room(&self.0, "purged", purge).await
    }
}

impl RaftLogReader<Types> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let range = self.clamp(&range);
        let entries = match self.0.log.entries(range.clone()) {
            Err(error) if is_damage(&error) => {
                let again = move |shared: &Shared| shared.log.entries(range.clone());
                when_whole(&self.0, again).await
            }
            entries => entries,
        };
        let mut all = Vec::new();
        for meta in entries? {
            header_entries(meta, &mut all)?;
        }
        Ok(all)
    }

    async fn entries_stream<RB>(
        &mut self,
        range: RB,
    ) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (entries, error) = match self.try_get_log_entries(range).await {
            Ok(entries) => (entries, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        futures::stream::iter(entries.into_iter().map(Ok).chain(error.map(Err)))
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        if start >= end {
            return Ok(Vec::new());
        }
        let end = end.min(start.saturating_add(READ_INDEXES_MAX));
        let read = move |shared: &Shared| shared.log.frames(start, end, READ_BYTES_MAX);
        let mut entries = Vec::new();
        for (meta, frame) in when_whole(&self.0, read).await? {
            match meta.kind {
                EntryKind::Private(Private::Gap) => {
                    let offsets = meta.base_offset..meta.next_offset;
                    entries.extend(parts_of_gap(meta.id, meta.indexes, offsets));
                }
                EntryKind::Private(_) | EntryKind::Batch | EntryKind::Marker => {
                    entries.push(Entry::new(raft_id(meta.id), Payload::Frame(frame)));
                }
            }
        }
        Ok(entries)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        let vote = self.0.log.read_vote();
        vote.map(|bytes| decode_vote(&bytes)).transpose()
    }
}

/// The leader's log is not what Raft says it is: nothing may be built on that.
fn contradicts(reject: FollowerReject) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reject)
}

/// Entries for the state machine, several of a gap: what it needs of a frame is in its header.
fn header_entries(meta: EntryMeta, all: &mut Vec<Entry>) -> io::Result<()> {
    let payload = match &meta.kind {
        EntryKind::Private(Private::Blank) => Payload::Blank,
        EntryKind::Private(Private::Membership(bytes)) => {
            Payload::Membership(decode_membership(bytes)?)
        }
        EntryKind::Private(Private::Gap) => {
            let indexes = meta.id.index..meta.next_index();
            all.extend(indexes.map(|index| {
                let id = LogId { index, ..meta.id };
                let part = EntryMeta {
                    id,
                    indexes: 1,
                    ..meta.clone()
                };
                Entry::new(raft_id(id), Payload::Header(part))
            }));
            return Ok(());
        }
        EntryKind::Private(Private::LogStart { .. } | Private::Void)
        | EntryKind::Batch
        | EntryKind::Marker => Payload::Header(meta.clone()),
    };
    all.push(Entry::new(raft_id(meta.id), payload));
    Ok(())
}
