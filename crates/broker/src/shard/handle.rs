//! How a state machine is asked: a question is queued when it is asked, so that questions of one
//! connection keep their order; its answer comes when what it says is committed.

use std::future::Future;
use std::sync::{Arc, OnceLock};

use ottla_replication::Partition;
use tokio::sync::{mpsc, oneshot};

use super::machine::Logged;

/// Where an answer goes. Dropped, it tells that nobody decided.
pub(super) type Asker<M> = oneshot::Sender<<M as ottla_statemachine::StateMachine>::Reply>;

/// A question, and where its answer goes.
pub(super) struct Question<M: Logged> {
    pub(super) input: M::Input,
    /// In which leader epoch this broker led when it was asked. In no other it may be decided: whoever
    /// asks may have asked another leader in between, and more after that.
    pub(super) asked_in: Option<i32>,
    pub(super) asker: Asker<M>,
}

/// Asks one state machine. Cloned freely.
pub struct Questions<M: Logged> {
    queue: mpsc::Sender<Question<M>>,
    partition: Arc<OnceLock<Partition>>,
}

/// The other end, for the task that owns the machine.
pub struct Arriving<M: Logged> {
    queue: mpsc::Receiver<Question<M>>,
    partition: Arc<OnceLock<Partition>>,
}

/// Nobody decided: too many ask, or the machine does not lead (any more). To be asked again, perhaps
/// elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Undecided;

/// A queue that holds so many questions at most, and its two ends.
pub fn questions<M: Logged>(queued_max: usize) -> (Questions<M>, Arriving<M>) {
    let (sender, receiver) = mpsc::channel(queued_max);
    let partition = Arc::default();
    let asking = Questions {
        queue: sender,
        partition: Arc::clone(&partition),
    };
    let arriving = Arriving {
        queue: receiver,
        partition,
    };
    (asking, arriving)
}

impl<M: Logged> Questions<M> {
    /// Queues a question now; the future only waits.
    pub fn ask(
        &self,
        input: M::Input,
    ) -> impl Future<Output = Result<M::Reply, Undecided>> + Send + use<M> {
        let (asker, answer) = oneshot::channel();
        let queued = self.queue.try_send(Question {
            input,
            asked_in: self.partition.get().and_then(Partition::leads_in),
            asker,
        });
        let queued = queued.map_err(|_full_or_ended| Undecided);
        async move {
            queued?;
            answer.await.map_err(|_discarded| Undecided)
        }
    }
}

impl<M: Logged> Arriving<M> {
    /// The queue, now that it is known which partition holds the machine's log.
    pub(super) fn of(self, partition: &Partition) -> mpsc::Receiver<Question<M>> {
        // The two ends are made together, and this one is consumed here.
        let _ = self.partition.set(partition.clone());
        self.queue
    }
}

impl<M: Logged> Clone for Questions<M> {
    fn clone(&self) -> Self {
        Questions {
            queue: self.queue.clone(),
            partition: Arc::clone(&self.partition),
        }
    }
}
