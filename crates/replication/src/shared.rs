//! What the faces of one group share: its log, watermarks, leadership, and who waits for what.
//!
//! Written by openraft's tasks through the log store and the state machine, read by everyone.
//! Invariants: the high watermark never goes back; a ticket is in one queue or answered.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ottla_platform::clock::Clock;
use ottla_platform::planted::Planted;
use ottla_platform::work::blocking;
use ottla_protocol::types::NodeId;
use ottla_storage::{Log, LogId, Outcome, Placed};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use uuid::Uuid;

use crate::cluster::{Bell, Members, is_other};
use crate::codec::decode_vote;
use crate::damage::Damaged;
use crate::heard::Heard;
use crate::progress::Waiters;
use crate::throttle::Throttled;
use crate::ticket::{AppendError, Appended, TicketSender};
use crate::types::{LeaderId, Member, Membership, RaftLogId, Term, Vote, raft_id};
use crate::wake::Waiting;

/// See the file's head.
pub(crate) struct Shared {
    pub(crate) me: Member,
    pub(crate) log: Log,
    pub(crate) clock: Arc<dyn Clock>,
    damaged: Arc<Damaged>,
    pub(crate) waiters: Arc<Waiters>,
    high_watermark: AtomicI64,
    /// All replicas are compacted up to here, as far as this one was told.
    compacted_by_all: AtomicI64,
    leadership: watch::Sender<Leadership>,
    /// Has the group looked at when something happened to it.
    pub(crate) bell: OnceLock<Bell>,
    /// This replica is to be the only one.
    wants_alone: AtomicBool,
    /// This replica is the only one, and stays it.
    alone: AtomicBool,
    /// The log directory of this replica.
    directory: Uuid,
    /// The last entry that was there when the log was opened.
    began_with: Option<LogId>,
    /// This replica began empty, later than the group, and no leader has shown yet that it has all that
    /// was committed before: what its log says of the group may be old, and name an earlier replica
    /// of this broker.
    catching_up: AtomicBool,
    /// Nobody else votes: this replica needs to hear nobody to lead.
    votes_alone: AtomicBool,
    /// This broker does not hear a majority of the group: whatever it leads, others may lead too.
    silenced: AtomicBool,
    /// In which term this leader was asked to hand over last, and when.
    handed_over: Mutex<Option<(i32, Duration)>>,
    /// This replica takes part no more.
    ended: AtomicBool,
    /// The first entry in which the leader's log contradicts what is committed here.
    contradicted_by: OnceLock<LogId>,
    /// Who is in the group, by what is applied here.
    seats: RwLock<Seats>,
    /// Which replicas of the group are held up while they do not keep up.
    throttled: RwLock<Arc<Throttled>>,
    /// When others were last heard, if this replica leads.
    pub(crate) heard: Arc<Heard>,
    /// Proposals that wait until the leader's lease is renewed. Taken before no lock but the
    /// tickets'.
    pub(crate) waiting: Mutex<Waiting>,
    /// Taken after no other lock of this struct but `waiting`.
    tickets: Mutex<Tickets>,
}

/// Who leads, as far as this replica knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Leadership {
    /// Newest term seen; 0 before the first election.
    pub(crate) term: i32,
    /// The node known to lead that term.
    pub(crate) leader: Option<Member>,
    /// The first entry of that term is applied here, so that the high watermark covers all that
    /// was committed before it.
    pub(crate) settled: bool,
}

impl Leadership {
    /// As a replica begins that had voted so: it may follow who led then, and leads nothing.
    fn of(vote: &Vote, me: Member) -> Leadership {
        let LeaderId { term, voted_for } = *vote.leader_id();
        let leader = vote.is_committed().then_some(voted_for);
        Leadership {
            term: term.0,
            leader: leader.filter(|leader| *leader != me),
            settled: false,
        }
    }
}

/// Who is in a group.
#[derive(Default)]
struct Seats {
    voters: Arc<[NodeId]>,
    members: Arc<Members>,
}

#[derive(Default)]
struct Tickets {
    /// Of entries this leader appended, ascending by index; answered when that index is applied.
    appended: VecDeque<(u64, TicketSender, Appended)>,
    /// Of batches that were in the log already, with the offset that the high watermark must
    /// reach. Few, so they are simply searched.
    duplicates: Vec<(i64, TicketSender, Appended)>,
}

impl Shared {
    /// # Errors
    /// The vote cannot be read.
    pub(crate) fn new(
        me: Member,
        directory: Uuid,
        log: Log,
        clock: Arc<dyn Clock>,
        damaged: Arc<Damaged>,
    ) -> io::Result<Arc<Shared>> {
        let state = log.state();
        let (start, began_with) = (state.log_start_offset, state.last);
        let vote = log.read_vote();
        let vote = vote.map(|bytes| decode_vote(&bytes)).transpose()?;
        let leadership = vote.map_or_else(Leadership::default, |vote| Leadership::of(&vote, me));
        Ok(Arc::new(Shared {
            me,
            log,
            clock,
            damaged,
            waiters: Arc::default(),
            high_watermark: AtomicI64::new(start),
            compacted_by_all: AtomicI64::new(0),
            leadership: watch::Sender::new(leadership),
            bell: OnceLock::new(),
            wants_alone: AtomicBool::new(false),
            alone: AtomicBool::new(false),
            directory,
            began_with,
            catching_up: AtomicBool::new(false),
            votes_alone: AtomicBool::new(false),
            silenced: AtomicBool::new(false),
            handed_over: Mutex::default(),
            ended: AtomicBool::new(false),
            contradicted_by: OnceLock::new(),
            seats: RwLock::default(),
            throttled: RwLock::default(),
            heard: Arc::default(),
            waiting: Mutex::default(),
            tickets: Mutex::default(),
        }))
    }

    /// Records below this Kafka offset are committed.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.high_watermark.load(Ordering::Acquire)
    }

    /// Up to where all replicas are compacted, as far as this one was told.
    pub(crate) fn compacted_by_all(&self) -> i64 {
        self.compacted_by_all.load(Ordering::Relaxed)
    }

    /// Notes that; it does not go back.
    pub(crate) fn note_compacted_by_all(&self, offset: i64) {
        self.compacted_by_all.fetch_max(offset, Ordering::Relaxed);
    }

    pub(crate) fn leadership(&self) -> Leadership {
        *self.leadership.borrow()
    }

    /// Whether this replica leads and knows all that is committed.
    pub(crate) fn leads(&self) -> bool {
        let now = self.leadership();
        now.leader == Some(self.me) && now.settled
    }

    pub(crate) fn watch_leadership(&self) -> watch::Receiver<Leadership> {
        self.leadership.subscribe()
    }

    /// Whether this replica leads and its broker hears a majority.
    pub(crate) fn serves(&self) -> bool {
        self.leads() && !self.silenced.load(Ordering::Relaxed)
    }

    /// Notes whether a majority is heard. Whoever waits for more looks again.
    pub(crate) fn set_silenced(&self, silenced: bool) {
        if self.silenced.swap(silenced, Ordering::Relaxed) != silenced {
            self.waiters.wake();
        }
    }

    /// This leader hands over now.
    pub(crate) fn hands_over(&self) {
        let term = self.leadership().term;
        *self.handed_over.lock() = Some((term, self.clock.monotonic()));
        self.stir();
    }

    /// Since when this leader has been handing over.
    pub(crate) fn handing_over_for(&self) -> Option<Duration> {
        let (term, since) = (*self.handed_over.lock())?;
        let is_now = term == self.leadership().term && self.leads();
        is_now.then(|| self.clock.monotonic().saturating_sub(since))
    }

    /// The leader has another entry than this committed one.
    pub(crate) fn contradict(&self, theirs: LogId) {
        if self.contradicted_by.set(theirs).is_ok() {
            tracing::error!(
                log = %self.log.identity(),
                %theirs,
                committed = ?self.log.read_committed(),
                "the others have lost records that were committed here, which are given up: machines lost power \
                 without having synced them",
            );
        }
    }

    /// That entry, if there is one.
    pub(crate) fn contradicted_by(&self) -> Option<LogId> {
        self.contradicted_by.get().copied()
    }

    /// Who votes in the group, as it was applied last; nobody before it is founded.
    pub(crate) fn voters(&self) -> Arc<[NodeId]> {
        Arc::clone(&self.seats.read().voters)
    }

    /// Who is in the group, as it was applied last.
    pub(crate) fn members(&self) -> Arc<Members> {
        Arc::clone(&self.seats.read().members)
    }

    /// Whether nobody else votes, so that this replica needs nobody to lead.
    pub(crate) fn votes_alone(&self) -> bool {
        self.votes_alone.load(Ordering::Relaxed)
    }

    /// Whether this replica is the only one, and stays it.
    pub(crate) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// Says whether this replica is to be the only one; it is when nobody else is in the group.
    pub(crate) fn want_alone(&self, wanted: bool) {
        self.wants_alone.store(wanted, Ordering::Relaxed);
        self.see_whether_alone();
    }

    fn see_whether_alone(&self) {
        let seats = self.seats.read();
        let votes_alone = seats.voters.len() == 1 && self.is_among_voters(&seats.members);
        let is_wanted = self.wants_alone.load(Ordering::Relaxed);
        let alone = votes_alone && is_wanted && seats.members.learners.is_empty();
        self.votes_alone.store(votes_alone, Ordering::Relaxed);
        self.alone.store(alone, Ordering::Relaxed);
    }

    /// Whether it is this replica that votes, not one that the broker had in another log directory.
    fn is_among_voters(&self, members: &Members) -> bool {
        let directory = members.voters.get(&NodeId(self.me.0));
        directory.is_some_and(|directory| !is_other(directory, Some(&self.directory)))
    }

    /// Whether this replica votes and has all that was committed before it came, as far as it can know.
    pub(crate) fn may_lead(&self) -> bool {
        !self.catching_up.load(Ordering::Relaxed) && self.is_among_voters(&self.members())
    }

    /// Whether this replica had everything up to `id` when its log was opened. openraft does not count
    /// that among what is written.
    pub(crate) fn began_with(&self, id: &RaftLogId) -> bool {
        self.began_with.is_some_and(|last| raft_id(last) >= *id)
    }

    pub(crate) fn throttled(&self) -> Arc<Throttled> {
        Arc::clone(&self.throttled.read())
    }

    pub(crate) fn set_throttled(&self, throttled: Throttled) {
        *self.throttled.write() = Arc::new(throttled);
    }

    /// This replica has begun empty, or goes on where it had begun so. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub(crate) fn begin_to_catch_up(&self) -> io::Result<()> {
        let lacks = !self.log.is_whole()? && !Planted::InitializeAfterWipe.is_there();
        self.catching_up.store(lacks, Ordering::Relaxed);
        Ok(())
    }

    /// A leader in `term` has found its log and this one alike up to `next_index`, and says what is
    /// committed. Of what was committed in earlier terms it knows when an entry of its own is. Whether
    /// this replica has caught up with that, which is to be noted.
    pub(crate) fn found_alike(
        &self,
        term: Term,
        next_index: u64,
        committed: Option<RaftLogId>,
    ) -> bool {
        let is_all = |id: RaftLogId| id.committed_leader_id().term == term && id.index < next_index;
        committed.is_some_and(is_all) && self.catching_up.swap(false, Ordering::Relaxed)
    }

    /// Notes that this replica, with all entries below `next_index`, has what was committed before it
    /// came, so that it may lead when it is opened again.
    pub(crate) async fn note_whole(self: Arc<Self>, next_index: u64) {
        let identity = self.log.identity();
        let noted = blocking(move || self.log.note_whole(next_index)).await;
        if let Err(error) = noted.and_then(std::convert::identity) {
            tracing::warn!(log = %identity, %error, "it is not noted that a newcomer has caught up");
        }
    }

    /// A membership was applied.
    pub(crate) fn set_members(&self, membership: &Membership) {
        let members = members_of(membership);
        let seats = Seats {
            voters: members.voters.keys().copied().collect(),
            members: Arc::new(members),
        };
        *self.seats.write() = seats;
        self.see_whether_alone();
        self.stir();
    }

    /// A vote was saved: the only way in which terms and leaders change.
    pub(crate) fn voted(&self, vote: &Vote) {
        let leader_id = vote.leader_id();
        let term = leader_id.term.0;
        let leader = vote.is_committed().then_some(leader_id.voted_for);
        self.leadership.send_if_modified(|now| {
            let settled = now.settled && now.term == term;
            let next = Leadership {
                term,
                leader,
                settled,
            };
            std::mem::replace(now, next) != next
        });
        self.stir();
        self.waiters.wake();
    }

    /// The first entry of `term` is applied.
    pub(crate) fn settle(&self, term: i32) {
        let changed = self.leadership.send_if_modified(|now| {
            let changed = now.term == term && !now.settled;
            now.settled |= changed;
            changed
        });
        if changed {
            self.waiters.wake();
            // What is led from now on is told to all at once.
            if let Some(bell) = self.bell.get().filter(|_| self.leads()) {
                bell.ring_loudly();
            }
        }
    }

    /// This replica takes part no more: nothing waits on.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Somebody has met damage in the log.
    pub(crate) fn tell_damage(&self) {
        self.damaged.tell(self.log.identity());
    }

    /// Something happened to the group.
    pub(crate) fn stir(&self) {
        if let Some(bell) = self.bell.get() {
            bell.ring();
        }
    }

    /// Keeps or answers the ticket of a proposal that was appended at `index`.
    pub(crate) fn appended(&self, index: u64, outcome: Outcome, ticket: TicketSender) {
        match outcome {
            Outcome::Accepted(placed) => {
                let answer = self.answer(placed);
                self.tickets
                    .lock()
                    .appended
                    .push_back((index, ticket, answer));
            }
            Outcome::Duplicate(placed) => self.when_committed(placed, ticket),
            Outcome::Rejected(rejection) => ticket.answer(Err(AppendError::Rejected(rejection))),
        }
    }

    /// Keeps the ticket of a log start proposal that was appended at `index`.
    pub(crate) fn log_start_appended(&self, index: u64, offset: i64, ticket: TicketSender) {
        let answer = Appended {
            base_offset: offset,
            log_append_time_ms: -1,
            log_start_offset: offset,
        };
        self.tickets
            .lock()
            .appended
            .push_back((index, ticket, answer));
    }

    /// Answers the ticket of a duplicate once the original is committed.
    pub(crate) fn when_committed(&self, original: Placed, ticket: TicketSender) {
        let answer = self.answer(original);
        let mut tickets = self.tickets.lock();
        // Under the lock that `applied` takes after it has moved the watermark.
        let is_committed = original.next_offset <= self.high_watermark();
        if is_committed || Planted::DuplicateBeforeCommit.is_there() {
            ticket.answer(Ok(answer));
        } else {
            let waiting = (original.next_offset, ticket, answer);
            tickets.duplicates.push(waiting);
        }
    }

    /// Everything up to `id` is committed and applied; `high_watermark` covers it.
    pub(crate) fn applied(&self, id: LogId, high_watermark: i64) {
        self.log.save_committed(id);
        let before = self
            .high_watermark
            .fetch_max(high_watermark, Ordering::AcqRel);
        let mut tickets = self.tickets.lock();
        while tickets
            .appended
            .front()
            .is_some_and(|(index, ..)| *index <= id.index)
        {
            if let Some((_, ticket, answer)) = tickets.appended.pop_front() {
                ticket.answer(Ok(answer));
            }
        }
        let reached = |(offset, ..): &mut (i64, _, _)| *offset <= high_watermark;
        for (_, ticket, answer) in tickets.duplicates.extract_if(.., reached) {
            ticket.answer(Ok(answer));
        }
        drop(tickets);
        if high_watermark > before {
            self.waiters.wake();
        }
    }

    /// Entries from `index` on are gone: whoever waited for them cannot know what became of
    /// their records.
    pub(crate) fn truncated(&self, index: u64) {
        let mut tickets = self.tickets.lock();
        let kept = tickets.appended.partition_point(|(at, ..)| *at < index);
        tickets.appended.truncate(kept);
        tickets.duplicates.clear();
    }

    fn answer(&self, placed: Placed) -> Appended {
        Appended {
            base_offset: placed.base_offset,
            log_append_time_ms: placed.log_append_time_ms,
            log_start_offset: self.log.state().log_start_offset,
        }
    }
}

/// A group's members as openraft writes them.
pub(crate) fn members_of(membership: &Membership) -> Members {
    let mut members = Members {
        is_joint: membership.get_joint_config().len() > 1,
        ..Members::default()
    };
    let voters: BTreeSet<Member> = membership.voter_ids().collect();
    for (member, directory) in membership.nodes() {
        let seats = match voters.contains(member) {
            true => &mut members.voters,
            false => &mut members.learners,
        };
        seats.insert(NodeId(member.0), directory.0);
    }
    members
}
