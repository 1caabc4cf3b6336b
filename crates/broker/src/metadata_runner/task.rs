//! The task that owns the metadata state machine.
//!
//! It loads the log, leads, and for each question runs one step: the step's records go to the log as
//! one batch at exactly the expected offset, and its reply waits for their commit. When a batch is
//! committed the image after it is published, the plan for this node's replicas is handed on, and
//! only then the replies that saw it leave. When a batch fails, everything that was not committed is
//! forgotten and the log is loaded anew.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, pending};
use ottla_metadata::image::{Delta, Image};
use ottla_metadata::machine::{Metadata, Reply};
use ottla_metadata::reconcile::{LocalNode, changes_defaults, reconcile};
use ottla_platform::clock::Clock;
use ottla_protocol::NodeId;
use ottla_replication::{AppendError, Appended, Partition, Ticket};
use ottla_statemachine::{
    Limits, Offset, Overflow, Release, Replay, Runner, Started, Step, StepError, Timestamp,
};
use ottla_storage::Condition;
use tokio::sync::{mpsc, oneshot};

use super::handle::{MetadataHandle, Question};
use super::log::{self, MetadataLogError};
use crate::defaults::Defaults;
use crate::images::Images;
use crate::limits::METADATA_REQUESTS_QUEUED_MAX;
use crate::partitions::Plans;

/// How long to rest before the log is loaded anew after a failed append.
const RELOAD_REST: Duration = Duration::from_millis(100);

type Asker = oneshot::Sender<Reply>;

/// What the task needs of its node.
pub struct Following {
    /// Where images are published.
    pub images: Arc<Images>,
    /// What follows the configurations of brokers.
    pub defaults: Arc<Defaults>,
    /// Where plans go.
    pub plans: Plans,
    /// Whose replicas are planned for.
    pub node: LocalNode,
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
}

/// The task, before it runs.
pub struct MetadataRunner {
    partition: Partition,
    following: Following,
    questions: mpsc::Receiver<Question>,
}

impl MetadataRunner {
    /// A task on the metadata partition, and the handle to ask it.
    pub fn new(
        node_id: NodeId,
        partition: Partition,
        following: Following,
    ) -> (MetadataRunner, MetadataHandle) {
        let (sender, questions) = mpsc::channel(METADATA_REQUESTS_QUEUED_MAX);
        let handle = MetadataHandle::new(node_id, sender);
        (
            MetadataRunner {
                partition,
                following,
                questions,
            },
            handle,
        )
    }

    /// Loads what is committed.
    ///
    /// # Errors
    /// The log cannot be followed.
    pub async fn load(&self) -> Result<Replay<Metadata>, MetadataLogError> {
        let partition = self.partition.clone();
        let empty = Replay::new(Image::default(), Offset::ZERO);
        let loading = tokio::task::spawn_blocking(move || log::load(&partition, empty));
        let replay = loading.await.map_err(|ended| {
            MetadataLogError::Read(ottla_storage::ReadError::Io(std::io::Error::other(ended)))
        })??;
        Ok(replay)
    }

    /// Publishes what is loaded and leads, until told to stop. Questions that were not answered by then never are.
    ///
    /// # Errors
    /// The log cannot be followed any more.
    pub async fn run(
        mut self,
        loaded: Replay<Metadata>,
        mut stop: oneshot::Receiver<()>,
    ) -> Result<(), MetadataLogError> {
        let mut replay = loaded;
        loop {
            self.following
                .publish(replay.hard(), replay.next_offset())
                .await;
            let mut leading = Leading::begin(&self.partition, &self.following, replay);
            tokio::select! {
                biased;
                _ = &mut stop => return Ok(()),
                failure = leading.lead(&mut self.questions) => {
                    tracing::warn!(%failure, "the metadata log did not take a change; loading anew");
                }
            }
            drop(leading);
            tokio::select! {
                _ = &mut stop => return Ok(()),
                () = tokio::time::sleep(RELOAD_REST) => {}
            }
            replay = self.load().await?;
        }
    }
}

impl Following {
    /// Publishes an image, after the plan for it is on its way.
    async fn publish(&self, image: &Image, end: Offset) {
        let next = Arc::new(image.clone());
        let delta = Delta::between(&self.images.current(), &next);
        if changes_defaults(&delta, self.node.id) {
            self.defaults.follow(&next);
        }
        let plan = reconcile(&delta, &next, &self.node);
        self.images.publish(next, end.0);
        if !plan.is_empty() {
            // The manager ends only after this task.
            let _ = self.plans.send(plan).await;
        }
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
}

/// The state machine while it leads.
struct Leading<'a> {
    partition: &'a Partition,
    following: &'a Following,
    term: i32,
    /// `None` only while an asker's answer is being decided on failure.
    runner: Runner<Metadata, Asker>,
    /// Batches under way, oldest first.
    under_way: VecDeque<UnderWay>,
    /// What went wrong before there was anyone to tell.
    failure: Option<Failure>,
}

/// A batch on its way to the commit.
struct UnderWay {
    ticket: Ticket,
    end: Offset,
    /// The cluster once it is committed.
    image: Image,
}

impl<'a> Leading<'a> {
    fn begin(
        partition: &'a Partition,
        following: &'a Following,
        replay: Replay<Metadata>,
    ) -> Leading<'a> {
        let committed = replay.next_offset();
        let now = Timestamp(following.clock.now_ms());
        let Started { runner, step } = replay.lead(now, committed, Limits::default());
        let mut leading = Leading {
            partition,
            following,
            term: partition.leader_epoch(),
            runner,
            under_way: VecDeque::new(),
            failure: None,
        };
        match step {
            Ok(step) => leading.carry_out(step),
            Err(overflow) => leading.failure = Some(overflow.into()),
        }
        leading
    }

    async fn lead(&mut self, questions: &mut mpsc::Receiver<Question>) -> Failure {
        loop {
            if let Some(failure) = self.failure.take() {
                return failure;
            }
            tokio::select! {
                biased;
                appended = next_commit(&mut self.under_way) => {
                    if let Err(failure) = self.committed(appended).await {
                        return failure;
                    }
                }
                question = questions.recv() => match question {
                    Some(question) => self.decide(question),
                    None => return Failure::Unasked,
                },
            }
        }
    }

    fn decide(&mut self, Question { input, asker }: Question) {
        let now = Timestamp(self.following.clock.now_ms());
        match self.runner.step(now, input, asker) {
            Ok(step) => self.carry_out(step),
            // Dropping the asker tells it to come again.
            Err(StepError::Busy { .. }) => {}
            Err(StepError::Overflow(overflow)) => self.failure = Some(overflow.into()),
        }
    }

    fn carry_out(&mut self, step: Step<Metadata, Asker>) {
        if let Some(append) = step.append {
            let batch = log::batch(&append.records, self.following.clock.now_ms());
            let condition = Condition {
                term: Some(self.term),
                base_offset: Some(append.base_offset.0),
                producer_epoch: None,
            };
            self.under_way.push_back(UnderWay {
                ticket: self.partition.propose(batch, Some(condition)),
                end: append.base_offset.plus(append.records.len()),
                image: self.runner.hard().clone(),
            });
        }
        answer(step.replies);
    }

    async fn committed(&mut self, appended: Result<Appended, AppendError>) -> Result<(), Failure> {
        appended?;
        let UnderWay { end, image, .. } = self
            .under_way
            .pop_front()
            .expect("the oldest was just waited for");
        let replies = self.runner.committed(end);
        self.following.publish(&image, end).await;
        answer(replies);
        Ok(())
    }
}

/// Waits for the oldest batch; for ever if there is none.
fn next_commit(
    under_way: &mut VecDeque<UnderWay>,
) -> impl Future<Output = Result<Appended, AppendError>> {
    match under_way.front_mut() {
        Some(oldest) => Either::Left(&mut oldest.ticket),
        None => Either::Right(pending()),
    }
}

fn answer(replies: Vec<Release<Asker, Reply>>) {
    for Release { token, reply, .. } in replies {
        // Whoever asked may have gone.
        let _ = token.send(reply);
    }
}
