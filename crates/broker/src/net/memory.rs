//! Memory for requests: what all connections together may hold, in bytes.
//!
//! A permit for a frame's size is taken when its size is known, before its bytes are read, and given
//! back when its reply has left. It is the broker's only back-pressure: when nothing is left, a
//! connection stops reading and its client feels it through TCP. Waiters are served in order, so a
//! large request is not starved by small ones. A request larger than everything waits for everything.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The request memory of a node. Cloned freely.
#[derive(Clone)]
pub struct RequestMemory {
    bytes: Arc<Semaphore>,
    bytes_max: u32,
}

impl RequestMemory {
    /// As many bytes for all requests together.
    pub fn new(bytes_max: usize) -> Self {
        // Permits are counted in u32: 4 GiB of requests in memory is bound enough.
        let bytes_max = u32::try_from(bytes_max).unwrap_or(u32::MAX).max(1);
        let permits = usize::try_from(bytes_max)
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        RequestMemory {
            bytes: Arc::new(Semaphore::new(permits)),
            bytes_max,
        }
    }

    /// Bytes that no request holds.
    pub fn available_bytes(&self) -> usize {
        self.bytes.available_permits()
    }

    /// Asks for a frame's memory: granted at once if there is enough, else to be waited for.
    pub(super) fn ask(&self, frame_bytes: usize) -> Ask {
        let wanted = u32::try_from(frame_bytes)
            .unwrap_or(u32::MAX)
            .min(self.bytes_max);
        match Arc::clone(&self.bytes).try_acquire_many_owned(wanted) {
            Ok(permit) => Ask::Granted(Permit {
                _held: Some(permit),
            }),
            Err(_) => {
                let bytes = Arc::clone(&self.bytes);
                Ask::Waiting(Box::pin(async move {
                    let granted = bytes.acquire_many_owned(wanted).await;
                    Permit {
                        _held: Some(granted.expect("nobody closes this semaphore")),
                    }
                }))
            }
        }
    }
}

/// A request for memory.
pub(super) enum Ask {
    Granted(Permit),
    Waiting(Pin<Box<dyn Future<Output = Permit> + Send>>),
}

impl Ask {
    pub(super) fn is_waiting(&self) -> bool {
        matches!(self, Ask::Waiting(_))
    }

    /// The permit, as soon as there is one. Not to be asked again after that.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Permit> {
        match self {
            Ask::Granted(permit) => Poll::Ready(std::mem::take(permit)),
            Ask::Waiting(waiting) => waiting.as_mut().poll(context),
        }
    }
}

/// Held memory; given back when dropped.
#[derive(Default)]
pub(super) struct Permit {
    _held: Option<OwnedSemaphorePermit>,
}

impl Permit {
    /// Holds nothing.
    #[cfg(test)]
    pub(super) fn none() -> Permit {
        Permit::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(ask: &mut Ask) -> Option<Permit> {
        let mut context = Context::from_waker(std::task::Waker::noop());
        match ask.poll(&mut context) {
            Poll::Ready(permit) => Some(permit),
            Poll::Pending => None,
        }
    }

    #[test]
    fn memory_is_given_back_when_the_permit_goes() {
        let memory = RequestMemory::new(100);
        let first = granted(&mut memory.ask(60)).unwrap();
        let mut second = memory.ask(60);
        assert!(granted(&mut second).is_none());
        drop(first);
        let second = granted(&mut second).unwrap();
        assert_eq!(memory.available_bytes(), 40);
        drop(second);
        assert_eq!(memory.available_bytes(), 100);
    }

    #[test]
    fn small_requests_do_not_overtake_a_large_one_that_waits() {
        let memory = RequestMemory::new(100);
        let first = granted(&mut memory.ask(60)).unwrap();
        let mut large = memory.ask(100);
        assert!(granted(&mut large).is_none());
        let mut small = memory.ask(50);
        assert!(granted(&mut small).is_none());
        drop(first);
        let large = granted(&mut large).unwrap();
        assert!(granted(&mut small).is_none());
        drop(large);
        assert!(granted(&mut small).is_some());
    }

    #[test]
    fn a_request_larger_than_everything_gets_everything() {
        let memory = RequestMemory::new(100);
        let all = granted(&mut memory.ask(1_000_000)).unwrap();
        assert_eq!(memory.available_bytes(), 0);
        drop(all);
        assert_eq!(memory.available_bytes(), 100);
    }
}
