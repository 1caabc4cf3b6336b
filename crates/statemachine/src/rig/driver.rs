//! The rig itself: one leader at a time, driven by hand or by a seed.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::log::Log;
use super::random::Random;
use crate::{Limits, Release, Runner, StateMachine, Step, StepError, Timestamp};

/// A state machine under test with everything around it simulated.
pub struct Rig<M: StateMachine> {
    log: Log<M>,
    runner: Runner<M, u64>,
    limits: Limits,
    now: Timestamp,
    asked: u64,
    unanswered: BTreeSet<u64>,
    answers: Vec<Answer<M>>,
}

/// What one asker was told.
pub struct Answer<M: StateMachine> {
    /// The number that [`Rig::input`] gave the asker.
    pub asker: u64,
    /// What it was told.
    pub outcome: Outcome<M::Reply>,
}

/// How an input ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<R> {
    /// It was answered, and what the answer says is committed.
    Reply(R),
    /// Its leader was lost: it may have happened or not.
    Lost,
    /// The runner did not take it.
    Busy,
}

/// How often a random run does what, out of the sum of all.
#[derive(Clone, Copy, Debug)]
pub struct Weights {
    /// Gives the machine an input.
    pub input: usize,
    /// Commits some of the log.
    pub commit: usize,
    /// Lets time pass and fires timers.
    pub time: usize,
    /// Loses the leader and some of what was not committed.
    pub loss: usize,
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            input: 60,
            commit: 25,
            time: 12,
            loss: 3,
        }
    }
}

/// More timers than any machine sets at one moment: past it a timer re-arms itself for ever.
const TIMERS_AT_ONCE_MAX: usize = 100_000;
/// The longest step of virtual time in a random run.
const TIME_STEP_MS_MAX: usize = 10_000;

impl<M: StateMachine> Rig<M>
where
    M::Hard: Clone + PartialEq + Debug,
{
    /// A leader of an empty log. `persist` is what a record becomes on its way through the disk:
    /// encode and decode, so that the codec is under test too.
    pub fn new(empty: M::Hard, limits: Limits, persist: fn(&M::Record) -> M::Record) -> Self {
        let mut log = Log::new(empty, persist);
        let now = Timestamp::default();
        let started = log.replay().lead(now, log.committed_end(), limits);
        let mut rig = Self {
            log,
            runner: started.runner,
            limits,
            now,
            asked: 0,
            unanswered: BTreeSet::new(),
            answers: Vec::new(),
        };
        let step = started
            .step
            .expect("the first step of a leader fits a batch");
        rig.carry_out(step);
        rig
    }

    /// Gives the machine an input and says which asker it was.
    pub fn input(&mut self, input: M::Input) -> u64 {
        let asker = self.asked;
        self.asked += 1;
        self.unanswered.insert(asker);
        match self.runner.step(self.now, input, asker) {
            Ok(step) => self.carry_out(step),
            Err(StepError::Busy { token, .. }) => self.answer(token, Outcome::Busy),
            Err(StepError::Overflow(_)) => self.lose_leader(0),
        }
        asker
    }

    /// Commits up to `count` records more.
    pub fn commit(&mut self, count: usize) {
        let end = self.log.commit(count);
        let released = self.runner.committed(end);
        self.release(released);
    }

    /// Commits all there is.
    pub fn commit_all(&mut self) {
        self.commit(usize::MAX);
    }

    /// Lets time pass and fires every timer that is due.
    pub fn advance_ms(&mut self, duration_ms: i64) {
        self.now = self.now.plus_ms(duration_ms);
        for fired in 0.. {
            assert!(
                fired < TIMERS_AT_ONCE_MAX,
                "timers re-arm themselves without end"
            );
            match self.runner.fire_timer(self.now) {
                Some(Ok(step)) => self.carry_out(step),
                Some(Err(_)) => self.lose_leader(0),
                None => break,
            }
        }
        assert!(
            self.runner
                .next_deadline()
                .is_none_or(|deadline| deadline > self.now)
        );
    }

    /// Loses the leader and all it had not committed but the first `kept` records, and elects a
    /// new one that replays what is left.
    pub fn lose_leader(&mut self, kept: usize) {
        self.log.lose_uncommitted_but(kept);
        let started = self
            .log
            .replay()
            .lead(self.now, self.log.committed_end(), self.limits);
        let lost = std::mem::replace(&mut self.runner, started.runner);
        for token in lost.discard() {
            self.answer(token, Outcome::Lost);
        }
        assert!(
            self.unanswered.is_empty(),
            "askers were forgotten: {:?}",
            self.unanswered
        );
        let step = started
            .step
            .expect("the first step of a leader fits a batch");
        self.carry_out(step);
    }

    /// Does `steps` things at random and calls `check` with the state after each.
    pub fn run(
        &mut self,
        random: &mut Random,
        steps: usize,
        weights: Weights,
        mut make_input: impl FnMut(&mut Random, &M::Hard) -> M::Input,
        mut check: impl FnMut(&M::Hard),
    ) {
        let Weights {
            input,
            commit,
            time,
            loss,
        } = weights;
        for _ in 0..steps {
            match random.below(input + commit + time + loss) {
                dice if dice < input => {
                    let made = make_input(random, self.runner.hard());
                    self.input(made);
                }
                dice if dice < input + commit => {
                    let count = random.below(self.log.uncommitted() + 1);
                    self.commit(count);
                }
                dice if dice < input + commit + time => {
                    let step_ms = random.below(TIME_STEP_MS_MAX);
                    self.advance_ms(i64::try_from(step_ms).expect("a small number"));
                }
                _ => {
                    let kept = random.below(self.log.uncommitted() + 1);
                    self.lose_leader(kept);
                }
            }
            check(self.runner.hard());
        }
        self.commit_all();
        let folded = self.log.replay();
        assert_eq!(
            folded.hard(),
            self.runner.hard(),
            "a replay from the start differs"
        );
    }

    /// The leader's state, uncommitted steps included.
    pub fn hard(&self) -> &M::Hard {
        self.runner.hard()
    }

    /// The leader.
    pub fn runner(&self) -> &Runner<M, u64> {
        &self.runner
    }

    /// Everything in the log.
    pub fn records(&self) -> &[M::Record] {
        self.log.records()
    }

    /// Virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What was answered since the last call.
    pub fn take_answers(&mut self) -> Vec<Answer<M>> {
        std::mem::take(&mut self.answers)
    }

    /// Gives an input, commits everything and returns the reply, which must come.
    pub fn ask(&mut self, input: M::Input) -> M::Reply {
        let asker = self.input(input);
        self.commit_all();
        self.take_answers()
            .into_iter()
            .find_map(|answer| match answer.outcome {
                Outcome::Reply(reply) if answer.asker == asker => Some(reply),
                _ => None,
            })
            .expect("the machine answers a committed step")
    }

    fn carry_out(&mut self, step: Step<M, u64>) {
        if let Some(append) = &step.append {
            self.log.append(append);
        }
        assert_eq!(self.log.end(), self.runner.next_offset());
        self.log.assert_folds_to(self.runner.hard());
        self.release(step.replies);
    }

    fn release(&mut self, released: Vec<Release<u64, M::Reply>>) {
        for Release { token, reply, seen } in released {
            assert!(
                seen <= self.log.committed_end(),
                "a reply left before its commit"
            );
            self.answer(token, Outcome::Reply(reply));
        }
    }

    fn answer(&mut self, asker: u64, outcome: Outcome<M::Reply>) {
        assert!(
            self.unanswered.remove(&asker),
            "asker {asker} was answered twice"
        );
        self.answers.push(Answer { asker, outcome });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sample::{Counter, Input, LIMITS, Record, Reply, Total};

    fn rig() -> Rig<Counter> {
        Rig::new(Total::default(), LIMITS, Clone::clone)
    }

    fn any_input(random: &mut Random, _: &Total) -> Input {
        match random.below(20) {
            0..8 => Input::Add(i64::try_from(random.below(5)).unwrap() - 1),
            8..13 => Input::Read,
            13..17 => Input::Await {
                sum: i64::try_from(random.below(30)).unwrap(),
                timeout_ms: 900,
            },
            17 => Input::Flood(random.below(10)),
            18 => Input::Flood(11),
            _ => Input::Ignore,
        }
    }

    #[test]
    fn a_lost_leader_fails_what_was_not_committed_and_keeps_what_was() {
        let mut rig = rig();
        assert_eq!(rig.ask(Input::Add(1)), Reply::Sum(1));
        let (kept, lost) = (rig.input(Input::Add(2)), rig.input(Input::Add(4)));
        rig.lose_leader(1);
        assert_eq!(rig.hard().sum, 3);
        let answers = rig.take_answers();
        let told: Vec<_> = answers
            .iter()
            .map(|one| (one.asker, &one.outcome))
            .collect();
        assert_eq!(told, vec![(kept, &Outcome::Lost), (lost, &Outcome::Lost)]);
        assert_eq!(
            rig.records()
                .iter()
                .filter(|record| **record == Record::Led)
                .count(),
            2
        );
    }

    #[test]
    #[should_panic(expected = "the log does not fold to the leader's state")]
    fn a_codec_that_loses_something_is_found() {
        let forget = |record: &Record| match record {
            Record::Added(_) => Record::Added(0),
            Record::Led => Record::Led,
        };
        let mut rig: Rig<Counter> = Rig::new(Total::default(), LIMITS, forget);
        rig.input(Input::Add(1));
    }

    proptest! {
        #[test]
        fn random_runs_keep_every_promise_and_repeat_themselves(seed: u64) {
            let run = || {
                let mut rig = rig();
                let mut random = Random::new(seed);
                rig.run(&mut random, 300, Weights::default(), any_input, |_| {});
                (rig.records().to_vec(), rig.hard().clone())
            };
            prop_assert_eq!(run(), run());
        }
    }
}
