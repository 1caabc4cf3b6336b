//! The task that owns a state machine.
//!
//! It follows the log, and while its broker leads the partition it runs one step for each question:
//! the step's records go to the log as one batch at exactly the expected offset, and its reply waits
//! for their commit. When a batch is committed the follower is told, and only then the replies that
//! saw it leave. When a batch fails, everything that was not committed is forgotten and the log is
//! loaded anew. So it is when another broker comes to lead: questions are then for that one.
//!
//! The time that the machine is given runs evenly from the wall clock's at the shard's start: a step
//! of the wall clock ends nobody's session.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, pending};
use ottla_platform::clock::Clock;
use ottla_platform::work::blocking;
use ottla_replication::{AppendError, Appended, Partition, Ticket, Waiter};
use ottla_statemachine::{
    Limits, Offset, Overflow, Release, Replay, Runner, Started, Step, StepError, Timestamp,
};
use ottla_storage::{Condition, ReadError};
use tokio::sync::{mpsc, oneshot};

use super::handle::{Arriving, Asker, Question};
use super::log::{self, LogError};
use super::machine::{Follower, Logged};

/// How long to rest before the log is loaded anew after a failed append.
const RELOAD_REST: Duration = Duration::from_millis(100);

/// How often a log is tried that is damaged, and how long to rest before: another replica may mend it.
const DAMAGE_TRIES: u32 = 20;
const DAMAGE_REST: Duration = Duration::from_millis(500);

/// What a shard needs beside its questions.
pub struct ShardOptions<M: Logged, F> {
    /// Holds the log.
    pub partition: Partition,
    /// The state of an empty log.
    pub empty: M::Hard,
    /// Is told what is committed.
    pub follower: F,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Bounds of the machine.
    pub limits: Limits,
}

/// A state machine on its partition, before its task runs.
pub struct Shard<M: Logged, F> {
    options: ShardOptions<M, F>,
    time: SteadyTime,
    questions: mpsc::Receiver<Question<M>>,
}

impl<M: Logged, F: Follower<M>> Shard<M, F>
where
    M::Hard: Clone,
{
    /// A shard that answers these questions.
    pub fn new(options: ShardOptions<M, F>, arriving: Arriving<M>) -> Self {
        Shard {
            time: SteadyTime::new(Arc::clone(&options.clock)),
            questions: arriving.of(&options.partition),
            options,
        }
    }

    /// Loads what is committed.
    ///
    /// # Errors
    /// The log cannot be followed.
    pub async fn load(&self) -> Result<Replay<M>, LogError> {
        let empty = Replay::new(self.options.empty.clone(), Offset::ZERO);
        self.load_on(empty).await
    }

    /// Loads what was committed since; what is damaged, as soon as it is mended.
    async fn load_on(&self, mut replay: Replay<M>) -> Result<Replay<M>, LogError> {
        let log = self.options.partition.log().identity();
        let mut tries_left = DAMAGE_TRIES;
        loop {
            let partition = self.options.partition.clone();
            let loading = blocking(move || (log::load(&partition, &mut replay), replay));
            let ended = |error| LogError::Read(ReadError::Io(error));
            let (loaded, back) = loading.await.map_err(ended)?;
            replay = back;
            match loaded {
                Err(error) if error.is_damage() && tries_left > 0 => {
                    tracing::warn!(%log, %error, "not loaded yet");
                    tries_left -= 1;
                    tokio::time::sleep(DAMAGE_REST).await;
                }
                Err(error) => return Err(error),
                Ok(()) => return Ok(replay),
            }
        }
    }

    /// Follows the log and tells the follower of it, and leads whenever this broker leads the
    /// partition, until told to stop. Questions that were not answered by then never are.
    ///
    /// # Errors
    /// The log cannot be followed any more.
    pub async fn run(
        mut self,
        loaded: Replay<M>,
        mut stop: oneshot::Receiver<()>,
    ) -> Result<(), LogError> {
        let mut replay = loaded;
        while let Some((epoch, followed)) = self.follow(replay, &mut stop).await? {
            let mut leading = Leading::begin(&self.options, &self.time, epoch, followed);
            let failure = tokio::select! {
                biased;
                _ = &mut stop => return Ok(()),
                failure = leading.lead(&mut self.questions) => failure,
            };
            drop(leading);
            let log = self.options.partition.log().identity();
            match failure {
                Failure::Deposed => tracing::info!(%log, "leads no more"),
                Failure::Unasked => return Ok(()),
                Failure::Append(_) | Failure::Overflow(_) => {
                    tracing::warn!(%log, %failure, "a change was not taken by its log; loading it anew");
                }
            }
            tokio::select! {
                _ = &mut stop => return Ok(()),
                () = tokio::time::sleep(RELOAD_REST) => {}
            }
            replay = self.load().await?;
        }
        Ok(())
    }

    /// Folds what is committed and tells the follower, until this broker leads: in which epoch,
    /// and all that was committed before. `None` if told to stop, or if nobody can ask any more.
    async fn follow(
        &mut self,
        mut replay: Replay<M>,
        stop: &mut oneshot::Receiver<()>,
    ) -> Result<Option<(i32, Replay<M>)>, LogError> {
        let waiter = Waiter::new();
        let _registration = self.options.partition.register(&waiter);
        let mut told = None;
        loop {
            // Asked first: what is loaded then holds all that was committed before that epoch.
            let epoch = self.options.partition.leads_in();
            replay = self.load_on(replay).await?;
            let end = replay.next_offset();
            if told.replace(end) != Some(end) {
                let follower = &self.options.follower;
                follower.committed(follower.mark(replay.hard()), end).await;
            }
            if let Some(epoch) = epoch {
                return Ok(Some((epoch, replay)));
            }
            tokio::select! {
                biased;
                _ = &mut *stop => return Ok(None),
                () = waiter.moved() => {}
                // Dropping a question tells to ask elsewhere.
                question = self.questions.recv() => if question.is_none() { return Ok(None) },
            }
        }
    }
}

/// The wall clock of the beginning and what has passed since.
struct SteadyTime {
    clock: Arc<dyn Clock>,
    began_ms: i64,
    began: Duration,
}

impl SteadyTime {
    fn new(clock: Arc<dyn Clock>) -> Self {
        SteadyTime {
            began_ms: clock.now_ms(),
            began: clock.monotonic(),
            clock,
        }
    }

    fn now(&self) -> Timestamp {
        let passed = self.clock.monotonic().saturating_sub(self.began);
        let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        Timestamp(self.began_ms.saturating_add(passed_ms))
    }
}

/// Why leading ended.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Overflow(#[from] Overflow),
    #[error("nobody can ask any more")]
    Unasked,
    #[error("another broker leads")]
    Deposed,
}

/// The state machine while it leads.
struct Leading<'a, M: Logged, F: Follower<M>> {
    options: &'a ShardOptions<M, F>,
    time: &'a SteadyTime,
    term: i32,
    runner: Runner<M, Asker<M>>,
    /// Batches under way, oldest first.
    under_way: VecDeque<UnderWay<F::Mark>>,
    /// What went wrong before there was anyone to tell.
    failure: Option<Failure>,
}

/// A batch on its way to the commit.
struct UnderWay<K> {
    ticket: Ticket,
    end: Offset,
    /// What the follower wants of the state once it is committed.
    mark: K,
}

impl<'a, M: Logged, F: Follower<M>> Leading<'a, M, F> {
    fn begin(
        options: &'a ShardOptions<M, F>,
        time: &'a SteadyTime,
        term: i32,
        replay: Replay<M>,
    ) -> Self {
        let committed = replay.next_offset();
        let Started { runner, step } = replay.lead(time.now(), committed, options.limits);
        let mut leading = Leading {
            options,
            time,
            term,
            runner,
            under_way: VecDeque::new(),
            failure: None,
        };
        leading.take(step);
        leading
    }

    async fn lead(&mut self, questions: &mut mpsc::Receiver<Question<M>>) -> Failure {
        let deposed = self.options.partition.deposed(self.term);
        tokio::pin!(deposed);
        loop {
            if let Some(failure) = self.failure.take() {
                return failure;
            }
            let due = self.until_due();
            tokio::select! {
                biased;
                appended = next_commit(&mut self.under_way) => {
                    if let Err(failure) = self.committed(appended).await {
                        return failure;
                    }
                }
                () = &mut deposed => return Failure::Deposed,
                () = wait(due) => self.fire_timer(),
                question = questions.recv() => match question {
                    Some(question) => self.decide_for_certain(question).await,
                    None => return Failure::Unasked,
                },
            }
        }
    }

    /// How long until the next timer is due, if there is one.
    fn until_due(&self) -> Option<Duration> {
        let deadline = self.runner.next_deadline()?;
        let left_ms = deadline.0.saturating_sub(self.time.now().0);
        Some(Duration::from_millis(u64::try_from(left_ms).unwrap_or(0)))
    }

    fn fire_timer(&mut self) {
        if let Some(step) = self.runner.fire_timer(self.time.now()) {
            self.take(step);
        }
    }

    /// Decides, unless another broker may lead: then what is known here may be old; or may have led
    /// since it was asked: then the question may be old. Dropping it tells to ask elsewhere.
    async fn decide_for_certain(&mut self, question: Question<M>) {
        let is_of_now = question.asked_in == Some(self.term);
        if is_of_now && self.options.partition.confirm_leading().await {
            self.decide(question);
        }
    }

    fn decide(&mut self, Question { input, asker, .. }: Question<M>) {
        match self.runner.step(self.time.now(), input, asker) {
            Ok(step) => self.carry_out(step),
            // Dropping the asker tells it to come again.
            Err(StepError::Busy { .. }) => {}
            Err(StepError::Overflow(overflow)) => self.failure = Some(overflow.into()),
        }
    }

    fn take(&mut self, step: Result<Step<M, Asker<M>>, Overflow>) {
        match step {
            Ok(step) => self.carry_out(step),
            Err(overflow) => self.failure = Some(overflow.into()),
        }
    }

    fn carry_out(&mut self, step: Step<M, Asker<M>>) {
        if let Some(append) = step.append {
            let batch = log::batch::<M>(&append.records, self.options.clock.now_ms());
            let condition = Condition {
                term: Some(self.term),
                base_offset: Some(append.base_offset.0),
                epoch_per_transaction: false,
            };
            self.under_way.push_back(UnderWay {
                ticket: self.options.partition.propose(batch, Some(condition)),
                end: append.base_offset.plus(append.records.len()),
                mark: self.options.follower.mark(self.runner.hard()),
            });
        }
        answer::<M>(step.replies);
    }

    async fn committed(&mut self, appended: Result<Appended, AppendError>) -> Result<(), Failure> {
        appended?;
        let UnderWay { end, mark, .. } = self
            .under_way
            .pop_front()
            .expect("the oldest was just waited for");
        let replies = self.runner.committed(end);
        self.options.follower.committed(mark, end).await;
        answer::<M>(replies);
        Ok(())
    }
}

/// Waits so long; for ever without an end.
fn wait(due: Option<Duration>) -> impl Future<Output = ()> {
    match due {
        Some(left) => Either::Left(tokio::time::sleep(left)),
        None => Either::Right(pending()),
    }
}

/// Waits for the oldest batch; for ever if there is none.
fn next_commit<K>(
    under_way: &mut VecDeque<UnderWay<K>>,
) -> impl Future<Output = Result<Appended, AppendError>> {
    match under_way.front_mut() {
        Some(oldest) => Either::Left(&mut oldest.ticket),
        None => Either::Right(pending()),
    }
}

fn answer<M: Logged>(replies: Vec<Release<Asker<M>, M::Reply>>) {
    for Release { token, reply, .. } in replies {
        // Whoever asked may have gone.
        let _ = token.send(reply);
    }
}
