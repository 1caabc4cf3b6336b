//! A leader that contradicts what is committed here.
//!
//! That cannot be while every disk keeps what it has synced. With asynchronous flushes, machines that lose
//! power may elect a leader without records that were committed, and with disks that lie about syncs
//! as well. Then the others have lost them, and a replica that still has them has to give them up: the
//! log is to be the same everywhere. openraft does not cut what is committed, so the log is cut while the
//! replica is closed, and opened anew without knowing of anything that it is committed.

use std::io;

use openraft::entry::RaftEntry;
use openraft::raft::AppendEntriesRequest;
use ottla_storage::{Log, LogId};

use crate::types::{Types, log_id};

/// The first entry of a leader that is another one than the committed one here.
pub(crate) fn contradiction(log: &Log, request: &AppendEntriesRequest<Types>) -> Option<LogId> {
    let last = log.state().last?;
    let entries = request.entries.iter().map(RaftEntry::log_id);
    let told = request.prev_log_id.into_iter().chain(entries);
    let told = told.map(|id| log_id(&id));
    let mut told = told.take_while(|id| id.index <= last.index).peekable();
    // all but always there is none, or the last
    told.next_if_eq(&last);
    told.peek()?;
    let terms = log.terms();
    let other = told.find(|id| {
        let begun = terms.partition_point(|term| term.index <= id.index);
        let term = begun.checked_sub(1).map(|newest| terms[newest].term);
        term.is_some_and(|term| term != id.term)
    })?;
    (other.index <= committed_index(log)?).then_some(other)
}

/// Up to where openraft takes the log for committed: it also takes all memberships but the newest for that.
fn committed_index(log: &Log) -> Option<u64> {
    let newest = log.last_membership(u64::MAX);
    let before = newest.and_then(|(id, _)| log.last_membership(id.index.checked_sub(1)?));
    let settled = before.map(|(id, _)| id.index);
    settled.max(log.read_committed().map(|id| id.index))
}

/// Gives up what a leader contradicts, from the first other entry on. For a log that is about to be closed.
/// Blocks.
///
/// # Errors
/// The disk fails, or is full: then the leader contradicts it once more.
pub(crate) fn give_up(log: &Log, theirs: LogId) -> io::Result<()> {
    log.forget_committed();
    match log.state().purged {
        Some(purged) if theirs.index <= purged.index => Ok(()),
        Some(_) | None => log.truncate_after(theirs.index.checked_sub(1)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use openraft::vote::RaftVote;
    use ottla_storage::{Identity, LogConfig, OnDamage, Private};
    use uuid::Uuid;

    use super::*;
    use crate::entry::{Entry, Payload};
    use crate::testing::directory;
    use crate::types::{LeaderId, Member, Term, Vote, raft_id};

    fn id(term: i32, index: u64) -> LogId {
        LogId { term, index }
    }

    /// Terms 1, 1, 2, 2, 4, all but the last committed.
    fn log() -> Log {
        let dir = directory(Path::new("/data"));
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 0,
            group_id: 1,
        };
        let config = LogConfig::default();
        let (log, _) = Log::open(&dir, "t-0", identity, config, OnDamage::Refuse).unwrap();
        for (term, index) in [1, 1, 2, 2, 4].into_iter().zip(0..) {
            log.append_private(id(term, index), &Private::Blank);
        }
        log.save_committed(id(2, 3));
        log
    }

    fn request(prev: Option<LogId>, entries: &[LogId]) -> AppendEntriesRequest<Types> {
        let leader = LeaderId {
            term: Term(9),
            voted_for: Member(2),
        };
        let entry = |id: &LogId| Entry::new(raft_id(*id), Payload::Blank);
        AppendEntriesRequest {
            vote: Vote::from_leader_id(leader, true),
            prev_log_id: prev.map(raft_id),
            entries: entries.iter().map(entry).collect(),
            leader_commit: None,
        }
    }

    #[test]
    fn what_is_the_same_or_not_committed_is_no_contradiction() {
        let log = log();
        let found = |prev, entries: &[LogId]| contradiction(&log, &request(prev, entries));
        assert_eq!(found(None, &[]), None);
        assert_eq!(found(Some(id(2, 3)), &[id(9, 4)]), None);
        assert_eq!(found(Some(id(9, 4)), &[id(9, 5)]), None);
        assert_eq!(found(Some(id(1, 1)), &[id(2, 2), id(2, 3), id(4, 4)]), None);
        assert_eq!(found(None, &[id(1, 0), id(1, 1)]), None);
    }

    #[test]
    fn another_entry_in_the_place_of_a_committed_one_is_found() {
        let log = log();
        let found = |prev, entries: &[LogId]| contradiction(&log, &request(prev, entries));
        assert_eq!(found(Some(id(3, 3)), &[]), Some(id(3, 3)));
        assert_eq!(found(Some(id(1, 1)), &[id(3, 2)]), Some(id(3, 2)));
        assert_eq!(found(Some(id(1, 1)), &[id(2, 2), id(9, 3)]), Some(id(9, 3)));
        assert_eq!(found(None, &[id(3, 0)]), Some(id(3, 0)));
    }

    #[test]
    fn another_entry_in_the_place_of_a_membership_that_is_not_the_newest_is_found() {
        let log = log();
        let members = || Private::Membership(bytes::Bytes::from_static(b"members"));
        log.append_private(id(4, 5), &members());
        let found = |entry| contradiction(&log, &request(Some(id(4, 4)), &[entry]));
        assert_eq!(found(id(9, 5)), None);
        log.append_private(id(4, 6), &members());
        assert_eq!(found(id(9, 5)), Some(id(9, 5)));
        assert_eq!(found(id(4, 5)), None);
    }

    #[test]
    fn what_is_given_up_is_gone() {
        let log = log();
        give_up(&log, id(3, 3)).unwrap();
        assert_eq!(log.state().last, Some(id(2, 2)));
        assert_eq!(log.read_committed(), None);
        give_up(&log, id(3, 0)).unwrap();
        assert_eq!(log.state().last, None);
    }
}
