//! The requests of one connection that have no response yet, in the order they were written.
//!
//! Invariants: a broker answers in order, so a response belongs to the oldest request or the stream cannot be
//! trusted any more; after a failure nothing waits and nothing can begin to.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{oneshot, watch};

use crate::error::ConnectionError;

pub(super) type Answer = Result<Bytes, ConnectionError>;

/// Bytes of the correlation id, which begins every response.
const CORRELATION_BYTES: usize = 4;

/// One request that waits for its response.
pub(super) struct Waiter {
    pub(super) correlation_id: i32,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The queue, shared by the connection's handle and its two tasks.
pub(super) struct WaitList {
    state: Mutex<State>,
    failed: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Waiter>,
    failure: Option<ConnectionError>,
}

impl WaitList {
    pub(super) fn new() -> Self {
        WaitList {
            state: Mutex::default(),
            failed: watch::Sender::new(false),
        }
    }

    /// Puts a request at the end of the line; on a failed connection it fails at once.
    pub(super) fn join(&self, waiter: Waiter) {
        let mut state = self.state.lock();
        match state.failure.clone() {
            None => state.queue.push_back(waiter),
            Some(failure) => {
                drop(state);
                let _ = waiter.answer.send(Err(failure));
            }
        }
    }

    /// Hands a response frame to the oldest request. An error means that the stream is out of step.
    pub(super) fn deliver(&self, frame: Bytes) -> Result<(), ConnectionError> {
        let found = frame
            .first_chunk::<CORRELATION_BYTES>()
            .map(|id| i32::from_be_bytes(*id));
        let mut state = self.state.lock();
        let expected = state.queue.front().map(|waiter| waiter.correlation_id);
        if expected.is_none() || expected != found {
            return Err(ConnectionError::WrongCorrelation { expected, found });
        }
        let waiter = state
            .queue
            .pop_front()
            .expect("the front was just looked at");
        drop(state);
        // The one who asked may have stopped waiting; the response is then nobody's.
        let _ = waiter.answer.send(Ok(frame));
        Ok(())
    }

    /// Ends the connection for everyone: all that wait get `reason`, and all that come later. The first reason stays.
    pub(super) fn fail(&self, reason: ConnectionError) {
        let mut state = self.state.lock();
        if state.failure.is_some() {
            return;
        }
        state.failure = Some(reason.clone());
        let queue = std::mem::take(&mut state.queue);
        drop(state);
        for waiter in queue {
            let _ = waiter.answer.send(Err(reason.clone()));
        }
        self.failed.send_replace(true);
    }

    /// Why the connection is of no use any more, if so.
    pub(super) fn failure(&self) -> Option<ConnectionError> {
        self.state.lock().failure.clone()
    }

    /// Completes once the connection has failed.
    pub(super) async fn failed(&self) {
        let mut failed = self.failed.subscribe();
        // The sender is `self`, which outlives this borrow: the channel cannot close meanwhile.
        let _ = failed.wait_for(|&failed| failed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn join(list: &WaitList, correlation_id: i32) -> oneshot::Receiver<Answer> {
        let (answer, receiver) = oneshot::channel();
        list.join(Waiter {
            correlation_id,
            answer,
        });
        receiver
    }

    fn frame(correlation_id: i32, body: &[u8]) -> Bytes {
        [&correlation_id.to_be_bytes()[..], body].concat().into()
    }

    #[test]
    fn responses_go_to_the_requests_in_order() {
        let list = WaitList::new();
        let (mut first, mut second) = (join(&list, 7), join(&list, 8));
        list.deliver(frame(7, b"a")).unwrap();
        list.deliver(frame(8, b"b")).unwrap();
        assert_eq!(first.try_recv().unwrap().unwrap(), frame(7, b"a"));
        assert_eq!(second.try_recv().unwrap().unwrap(), frame(8, b"b"));
    }

    #[test]
    fn a_response_out_of_turn_is_refused() {
        let list = WaitList::new();
        let _first = join(&list, 1);
        let _second = join(&list, 2);
        let error = list.deliver(frame(2, b"")).unwrap_err();
        assert!(matches!(
            error,
            ConnectionError::WrongCorrelation {
                expected: Some(1),
                found: Some(2)
            }
        ));
    }

    #[test]
    fn a_response_that_nobody_waits_for_is_refused_and_so_is_one_too_short() {
        let list = WaitList::new();
        assert!(list.deliver(frame(1, b"")).is_err());
        let _waiting = join(&list, 1);
        assert!(list.deliver(Bytes::from_static(&[0, 0, 1])).is_err());
    }

    #[test]
    fn one_who_stopped_waiting_does_not_upset_those_behind() {
        let list = WaitList::new();
        drop(join(&list, 1));
        let mut second = join(&list, 2);
        list.deliver(frame(1, b"")).unwrap();
        list.deliver(frame(2, b"")).unwrap();
        assert!(second.try_recv().unwrap().is_ok());
    }

    #[test]
    fn a_failure_reaches_all_who_wait_and_all_who_come_later_with_the_first_reason() {
        let list = WaitList::new();
        let mut before = join(&list, 1);
        list.fail(ConnectionError::ClosedByPeer);
        list.fail(ConnectionError::Closed);
        let mut after = join(&list, 2);
        for receiver in [&mut before, &mut after] {
            let answer = receiver.try_recv().unwrap();
            assert!(matches!(answer, Err(ConnectionError::ClosedByPeer)));
        }
    }
}
