//! Runs one state machine on its leader: applies steps at once, releases replies at the commit.
//!
//! The runner is ahead of the log's commit on purpose: the next step sees the records of the last
//! one before anybody else does. That is safe because nothing that a step says leaves before the
//! commit covers what it saw, and because there is no way back: when an append fails or leadership
//! is lost the caller discards the runner and replays the log.
//!
//! What the caller owes it, in order: append each [`Append`] at exactly its base offset (or
//! [`discard`](Runner::discard)), say how far the log is committed, fire timers that are due.

use crate::askers::Askers;
use crate::timers::Timers;
use crate::{Limits, Offset, Outbox, StateMachine, Ticket, Timestamp};

/// A state machine that leads. `T` is what the caller answers an input through.
pub struct Runner<M: StateMachine, T> {
    core: Core<M>,
    soft: M::Soft,
    timers: Timers<M>,
    askers: Askers<T, M::Reply>,
    committed: Offset,
    limits: Limits,
    overflowed: bool,
}

/// The replicated state and the offset that its next record gets.
pub(crate) struct Core<M: StateMachine> {
    pub(crate) hard: M::Hard,
    pub(crate) next: Offset,
}

/// A new leader and what it wants done first.
pub struct Started<M: StateMachine, T> {
    /// The leader.
    pub runner: Runner<M, T>,
    /// What [`StateMachine::start`] wrote.
    pub step: Result<Step<M, T>, Overflow>,
}

/// What the caller must do after one step.
pub struct Step<M: StateMachine, T> {
    /// The step's batch, if it wrote any record.
    pub append: Option<Append<M::Record>>,
    /// Replies that wait for nothing.
    pub replies: Vec<Release<T, M::Reply>>,
}

/// One batch to append, whole, at exactly this offset or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append<R> {
    /// The offset of the first record.
    pub base_offset: Offset,
    /// The records of one step; never empty.
    pub records: Vec<R>,
}

/// A reply that may leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release<T, R> {
    /// What the caller answers through.
    pub token: T,
    /// The answer.
    pub reply: R,
    /// Everything below this offset is committed and was visible to the decision: a replica that
    /// has applied the log up to here shows what the reply says.
    pub seen: Offset,
}

/// Why an input was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError<T, I> {
    /// Too many wait for an answer or a commit; nothing happened, try again later.
    #[error("too many steps are waiting for their commit")]
    Busy {
        /// What the caller answers through.
        token: T,
        /// The input, as it was given.
        input: I,
    },
    /// The step overflowed its batch; see [`Overflow`]. The token comes back with
    /// [`Runner::discard`].
    #[error(transparent)]
    Overflow(#[from] Overflow),
}

/// A step wrote more than a batch may hold. None of its records was applied, but the leader's own
/// memory may be ahead of the log: the runner takes no further step and must be discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a step wrote more than one batch may hold")]
pub struct Overflow;

impl<M: StateMachine, T> Runner<M, T> {
    pub(crate) fn start(
        core: Core<M>,
        now: Timestamp,
        committed: Offset,
        limits: Limits,
    ) -> Started<M, T> {
        assert!(
            committed <= core.next,
            "committed {committed} of a log read up to {}",
            core.next
        );
        let mut out = Outbox::new(core.next, limits.batch, None);
        let soft = M::start(&core.hard, now, &mut out);
        let mut runner = Self {
            core,
            soft,
            timers: Timers::new(),
            askers: Askers::new(),
            committed,
            limits,
            overflowed: false,
        };
        let step = runner.carry_out(out);
        Started { runner, step }
    }

    /// Runs one input. Its reply comes in this step, in a later one, or from
    /// [`committed`](Self::committed).
    pub fn step(
        &mut self,
        now: Timestamp,
        input: M::Input,
        token: T,
    ) -> Result<Step<M, T>, StepError<T, M::Input>> {
        if self.is_busy() {
            return Err(StepError::Busy { token, input });
        }
        let ticket = self.askers.admit(token);
        Ok(self.decide(now, input, Some(ticket))?)
    }

    /// Runs the first timer that is due, if one is. Call it until it says `None`.
    pub fn fire_timer(&mut self, now: Timestamp) -> Option<Result<Step<M, T>, Overflow>> {
        let input = self.timers.take_due(now)?;
        Some(self.decide(now, input, None))
    }

    /// When [`fire_timer`](Self::fire_timer) next has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.timers.next_deadline()
    }

    /// Says that the log is committed below `end`, and gives the replies that this sets free, in
    /// the order of their decisions.
    pub fn committed(&mut self, end: Offset) -> Vec<Release<T, M::Reply>> {
        assert!(
            end <= self.core.next,
            "committed {end} of a log that ends at {}",
            self.core.next
        );
        self.committed = self.committed.max(end);
        self.askers.release(self.committed)
    }

    /// Ends this leader: an append failed or someone else leads. Gives back every token without an
    /// answer, oldest first, so that the caller can say so to each.
    pub fn discard(self) -> Vec<T> {
        self.askers.into_tokens()
    }

    /// The state, uncommitted steps included: for decisions and tests, not for readers outside.
    pub fn hard(&self) -> &M::Hard {
        &self.core.hard
    }

    /// The leader's own memory.
    pub fn soft(&self) -> &M::Soft {
        &self.soft
    }

    /// How many timers are set.
    pub fn timer_count(&self) -> usize {
        self.timers.len()
    }

    /// The offset of the next record.
    pub fn next_offset(&self) -> Offset {
        self.core.next
    }

    /// How far the log is committed, as far as this runner was told.
    pub fn committed_end(&self) -> Offset {
        self.committed
    }

    /// How many askers have no answer yet.
    pub fn pending(&self) -> usize {
        self.askers.len()
    }

    fn is_busy(&self) -> bool {
        let uncommitted = self.core.next.0.saturating_sub(self.committed.0);
        let uncommitted = usize::try_from(uncommitted).unwrap_or(0);
        self.askers.len() >= self.limits.pending_max
            || uncommitted >= self.limits.uncommitted_records_max
    }

    fn decide(
        &mut self,
        now: Timestamp,
        input: M::Input,
        asker: Option<Ticket>,
    ) -> Result<Step<M, T>, Overflow> {
        if self.overflowed {
            return Err(Overflow);
        }
        let mut out = Outbox::new(self.core.next, self.limits.batch, asker);
        M::step(&self.core.hard, &mut self.soft, now, input, &mut out);
        self.carry_out(out)
    }

    fn carry_out(&mut self, out: Outbox<M>) -> Result<Step<M, T>, Overflow> {
        if out.overflowed() {
            self.overflowed = true;
            return Err(Overflow);
        }
        let base_offset = self.core.next;
        for record in &out.records {
            M::apply(&mut self.core.hard, self.core.next, record);
            self.core.next = self.core.next.plus(1);
        }
        for change in out.timers {
            self.timers.change(change);
        }
        for (ticket, reply) in out.replies {
            self.askers.park(ticket, reply, self.core.next);
        }
        let records = out.records;
        let append = (!records.is_empty()).then_some(Append {
            base_offset,
            records,
        });
        Ok(Step {
            append,
            replies: self.askers.release(self.committed),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Replay;
    use crate::sample::{Counter, Input, LIMITS, Record, Reply, Total};

    const START: Timestamp = Timestamp(1_000);

    fn lead() -> Runner<Counter, &'static str> {
        let replay = Replay::new(Total::default(), Offset::ZERO);
        let mut started = replay.lead(START, Offset::ZERO, LIMITS);
        let append = started.step.unwrap().append.unwrap();
        assert_eq!(
            append,
            Append {
                base_offset: Offset(0),
                records: vec![Record::Led]
            }
        );
        assert!(started.runner.committed(Offset(1)).is_empty());
        started.runner
    }

    fn told(replies: Vec<Release<&'static str, Reply>>) -> Vec<(&'static str, Reply, i64)> {
        replies
            .into_iter()
            .map(|free| (free.token, free.reply, free.seen.0))
            .collect()
    }

    #[test]
    fn a_write_is_answered_at_its_commit_and_visible_to_the_next_step_before() {
        let mut runner = lead();
        let step = runner.step(START, Input::Add(5), "a").unwrap();
        let append = step.append.unwrap();
        assert_eq!(append.base_offset, Offset(1));
        assert_eq!(append.records, vec![Record::Added(5)]);
        assert!(step.replies.is_empty());

        let step = runner.step(START, Input::Add(6), "b").unwrap();
        assert_eq!(step.append.unwrap().base_offset, Offset(2));
        assert_eq!(runner.hard().sum, 11);
        assert_eq!(
            told(runner.committed(Offset(2))),
            vec![("a", Reply::Sum(5), 2)]
        );
        assert_eq!(
            told(runner.committed(Offset(3))),
            vec![("b", Reply::Sum(11), 3)]
        );
        assert_eq!(runner.pending(), 0);
    }

    #[test]
    fn a_read_waits_for_the_commit_of_what_it_saw() {
        let mut runner = lead();
        let step = runner.step(START, Input::Read, "clean").unwrap();
        assert_eq!(told(step.replies), vec![("clean", Reply::Sum(0), 1)]);
        runner.step(START, Input::Add(1), "write").unwrap();
        let step = runner.step(START, Input::Read, "dirty").unwrap();
        assert!(step.append.is_none() && step.replies.is_empty());
        assert_eq!(
            told(runner.committed(Offset(2))),
            vec![("write", Reply::Sum(1), 2), ("dirty", Reply::Sum(1), 2)]
        );
    }

    #[test]
    fn a_kept_asker_is_answered_by_a_later_step() {
        let mut runner = lead();
        let wait = Input::Await {
            sum: 3,
            timeout_ms: 50,
        };
        assert!(
            runner
                .step(START, wait, "waiter")
                .unwrap()
                .replies
                .is_empty()
        );
        assert_eq!(runner.next_deadline(), Some(Timestamp(1_050)));
        runner.step(START, Input::Add(4), "writer").unwrap();
        assert_eq!(runner.next_deadline(), None);
        assert_eq!(
            told(runner.committed(Offset(2))),
            vec![("writer", Reply::Sum(4), 2), ("waiter", Reply::Sum(4), 2)]
        );
    }

    #[test]
    fn timers_fire_by_deadline_and_only_when_due() {
        let mut runner = lead();
        for (token, timeout_ms) in [("late", 90), ("early", 10), ("middle", 50)] {
            runner
                .step(START, Input::Await { sum: 9, timeout_ms }, token)
                .unwrap();
        }
        assert!(runner.fire_timer(Timestamp(1_009)).is_none());
        let mut fired = Vec::new();
        while let Some(step) = runner.fire_timer(Timestamp(1_050)) {
            fired.extend(
                told(step.unwrap().replies)
                    .into_iter()
                    .map(|(token, ..)| token),
            );
        }
        assert_eq!(fired, vec!["early", "middle"]);
        assert_eq!(runner.next_deadline(), Some(Timestamp(1_090)));
    }

    #[test]
    fn a_full_runner_gives_input_and_token_back_and_recovers_at_the_commit() {
        let mut runner = lead();
        for _ in 0..LIMITS.pending_max {
            runner.step(START, Input::Add(1), "taken").unwrap();
        }
        let refused = runner.step(START, Input::Add(7), "refused").err().unwrap();
        assert_eq!(
            refused,
            StepError::Busy {
                token: "refused",
                input: Input::Add(7)
            }
        );
        assert_eq!(runner.hard().sum, 8);
        runner.committed(runner.next_offset());
        assert!(runner.step(START, Input::Add(7), "again").is_ok());
    }

    #[test]
    fn a_runner_too_far_ahead_of_the_commit_takes_no_step() {
        let mut runner = lead();
        for _ in 0..4 {
            runner.step(START, Input::Flood(10), "flood").unwrap();
        }
        assert!(matches!(
            runner.step(START, Input::Read, "read"),
            Err(StepError::Busy { token: "read", .. })
        ));
    }

    #[test]
    fn an_overflowing_step_changes_nothing_and_ends_the_runner() {
        let mut runner = lead();
        let before = runner.hard().clone();
        let next = runner.next_offset();
        let overflow = runner.step(START, Input::Flood(11), "flood").err().unwrap();
        assert_eq!(overflow, StepError::Overflow(Overflow));
        assert_eq!((runner.hard(), runner.next_offset()), (&before, next));
        assert!(matches!(
            runner.step(START, Input::Read, "next"),
            Err(StepError::Overflow(_))
        ));
        assert_eq!(runner.discard(), vec!["flood", "next"]);
    }

    #[test]
    fn a_discarded_runner_gives_back_every_token_in_the_order_of_asking() {
        let mut runner = lead();
        runner.step(START, Input::Ignore, "ignored").unwrap();
        runner.step(START, Input::Add(1), "parked").unwrap();
        runner
            .step(
                START,
                Input::Await {
                    sum: 99,
                    timeout_ms: 9,
                },
                "kept",
            )
            .unwrap();
        assert_eq!(runner.discard(), vec!["ignored", "parked", "kept"]);
    }

    #[test]
    fn a_new_leader_holds_replies_back_until_the_inherited_tail_is_committed() {
        let mut replay = Replay::<Counter>::new(Total::default(), Offset::ZERO);
        replay.load(Offset(0), &Record::Led);
        replay.load(Offset(5), &Record::Added(2));
        let mut runner = replay.lead(START, Offset(1), LIMITS).runner;
        assert_eq!(runner.next_offset(), Offset(7));
        assert!(
            runner
                .step(START, Input::Read, "read")
                .unwrap()
                .replies
                .is_empty()
        );
        assert!(runner.committed(Offset(6)).is_empty());
        assert_eq!(
            told(runner.committed(Offset(7))),
            vec![("read", Reply::Sum(2), 7)]
        );
    }
}
