//! How a state machine is asked: a question is queued when it is asked, so that questions of one
//! connection keep their order; its answer comes when what it says is committed.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use super::machine::Logged;

/// Where an answer goes. Dropped, it tells that nobody decided.
pub(super) type Asker<M> = oneshot::Sender<<M as ottla_statemachine::StateMachine>::Reply>;

/// A question, and where its answer goes.
pub struct Question<M: Logged> {
    pub(super) input: M::Input,
    pub(super) asker: Asker<M>,
}

/// Asks one state machine. Cloned freely.
pub struct Questions<M: Logged>(mpsc::Sender<Question<M>>);

/// Nobody decided: too many ask, or the machine does not lead (any more). To be asked again, perhaps
/// elsewhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Undecided;

/// A queue that holds so many questions at most, and its two ends.
pub fn questions<M: Logged>(queued_max: usize) -> (Questions<M>, mpsc::Receiver<Question<M>>) {
    let (sender, receiver) = mpsc::channel(queued_max);
    (Questions(sender), receiver)
}

impl<M: Logged> Questions<M> {
    /// Queues a question now; the future only waits.
    pub fn ask(
        &self,
        input: M::Input,
    ) -> impl Future<Output = Result<M::Reply, Undecided>> + Send + use<M> {
        let (asker, answer) = oneshot::channel();
        let queued = self.0.try_send(Question { input, asker });
        let queued = queued.map_err(|_full_or_ended| Undecided);
        async move {
            queued?;
            answer.await.map_err(|_discarded| Undecided)
        }
    }
}

impl<M: Logged> Clone for Questions<M> {
    fn clone(&self) -> Self {
        Questions(self.0.clone())
    }
}
