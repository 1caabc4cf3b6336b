//! Frames in order over one stream: requests out, responses in, whatever they mean.
//!
//! Two tasks per link: `write_requests` owns the sending half and puts each request on the wait list before its
//! first byte is written; `read_responses` owns the receiving half. Both end when the link fails, and the link
//! fails when either ends. Dropping the last handle ends the writer, and so the link.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use bytes::{Bytes, BytesMut};
use ottla_platform::net::write_all;
use ottla_protocol::frame::{FrameDecoder, SIZE_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

use super::waiting::{Answer, WaitList, Waiter};
use crate::error::ConnectionError;
use crate::limits::{READ_BUFFER_BYTES, REQUESTS_IN_FLIGHT_MAX, WRITE_BATCH_REQUESTS};

/// A handle to the two tasks.
pub(super) struct Link {
    outgoing: mpsc::Sender<Outgoing>,
    waiting: Arc<WaitList>,
    correlation: AtomicI32,
}

/// A request on its way to the writer: the whole frame, size included, and who is told what comes of it.
struct Outgoing {
    frame: Vec<Bytes>,
    then: Then,
}

/// What the writer does with a request.
enum Then {
    /// Puts it on the wait list.
    Wait(Waiter),
    /// Tells that it is written; nothing will be answered.
    Written(oneshot::Sender<Answer>),
}

impl Link {
    /// Starts the two tasks over the halves of a stream.
    pub(super) fn start<R, W>(read: R, write: W, frame_bytes_max: usize) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (outgoing, queue) = mpsc::channel(REQUESTS_IN_FLIGHT_MAX);
        let waiting = Arc::new(WaitList::new());
        tokio::spawn(read_responses(
            read,
            waiting.clone(),
            FrameDecoder::new(frame_bytes_max),
        ));
        tokio::spawn(write_requests(write, queue, waiting.clone()));
        Link {
            outgoing,
            waiting,
            correlation: AtomicI32::new(0),
        }
    }

    /// An id for the next request; never negative.
    pub(super) fn next_correlation_id(&self) -> i32 {
        self.correlation.fetch_add(1, Ordering::Relaxed) & i32::MAX
    }

    /// Queues a request, waiting for room in the queue.
    pub(super) async fn send(
        &self,
        frame: Vec<Bytes>,
        correlation_id: i32,
    ) -> Result<oneshot::Receiver<Answer>, ConnectionError> {
        let (outgoing, receiver) = answered(frame, correlation_id);
        match self.outgoing.send(outgoing).await {
            Ok(()) => Ok(receiver),
            Err(_) => Err(self.why_closed()),
        }
    }

    /// Queues a request if there is room.
    pub(super) fn try_send(
        &self,
        frame: Vec<Bytes>,
        correlation_id: i32,
    ) -> Result<oneshot::Receiver<Answer>, ConnectionError> {
        let (outgoing, receiver) = answered(frame, correlation_id);
        self.try_queue(outgoing)?;
        Ok(receiver)
    }

    /// Queues a request that the broker will not answer, if there is room. The answer is empty and comes when the
    /// request has been written.
    pub(super) fn try_send_unanswered(
        &self,
        frame: Vec<Bytes>,
    ) -> Result<oneshot::Receiver<Answer>, ConnectionError> {
        let (written, receiver) = oneshot::channel();
        self.try_queue(Outgoing {
            frame,
            then: Then::Written(written),
        })?;
        Ok(receiver)
    }

    fn try_queue(&self, outgoing: Outgoing) -> Result<(), ConnectionError> {
        self.outgoing
            .try_send(outgoing)
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => ConnectionError::Busy,
                mpsc::error::TrySendError::Closed(_) => self.why_closed(),
            })
    }

    /// Ends the link with `reason`, unless it has ended before.
    pub(super) fn fail(&self, reason: ConnectionError) {
        self.waiting.fail(reason);
    }

    /// Why the link has ended, if it has.
    pub(super) fn failure(&self) -> Option<ConnectionError> {
        self.waiting.failure()
    }

    /// The reason why the writer is gone.
    pub(super) fn why_closed(&self) -> ConnectionError {
        self.failure().unwrap_or(ConnectionError::Closed)
    }
}

fn answered(frame: Vec<Bytes>, correlation_id: i32) -> (Outgoing, oneshot::Receiver<Answer>) {
    let (answer, receiver) = oneshot::channel();
    let then = Then::Wait(Waiter {
        correlation_id,
        answer,
    });
    (Outgoing { frame, then }, receiver)
}

async fn read_responses<R>(read: R, waiting: Arc<WaitList>, decoder: FrameDecoder)
where
    R: AsyncRead + Unpin,
{
    tokio::select! {
        reason = read_until_failure(read, &waiting, decoder) => waiting.fail(reason),
        () = waiting.failed() => {}
    }
}

async fn read_until_failure<R>(
    mut read: R,
    waiting: &WaitList,
    decoder: FrameDecoder,
) -> ConnectionError
where
    R: AsyncRead + Unpin,
{
    let mut buffer = BytesMut::new();
    loop {
        match decoder.decode(&mut buffer) {
            Err(error) => return error.into(),
            Ok(Some(frame)) => match waiting.deliver(frame) {
                Ok(()) => continue,
                Err(error) => return error,
            },
            Ok(None) => {}
        }
        if let Err(error) = make_room(&mut buffer, decoder) {
            return error;
        }
        match read.read_buf(&mut buffer).await {
            Ok(0) => return ConnectionError::ClosedByPeer,
            Ok(_) => {}
            Err(error) => return ConnectionError::Broken(Arc::new(error)),
        }
    }
}

/// Makes room for the rest of a frame whose size is known, so that a large one is not moved again and again.
fn make_room(buffer: &mut BytesMut, decoder: FrameDecoder) -> Result<(), ConnectionError> {
    let missing = match decoder.frame_size(buffer)? {
        Some(size) => (size + SIZE_BYTES).saturating_sub(buffer.len()),
        None => 0,
    };
    if missing > 0 || buffer.capacity() == buffer.len() {
        buffer.reserve(missing.max(READ_BUFFER_BYTES));
    }
    Ok(())
}

async fn write_requests<W>(write: W, queue: mpsc::Receiver<Outgoing>, waiting: Arc<WaitList>)
where
    W: AsyncWrite + Unpin,
{
    tokio::select! {
        reason = write_until_failure(write, queue, &waiting) => waiting.fail(reason),
        () = waiting.failed() => {}
    }
}

async fn write_until_failure<W>(
    mut write: W,
    mut queue: mpsc::Receiver<Outgoing>,
    waiting: &WaitList,
) -> ConnectionError
where
    W: AsyncWrite + Unpin,
{
    let mut requests = Vec::with_capacity(WRITE_BATCH_REQUESTS);
    let mut parts = Vec::new();
    let mut written = Vec::new();
    while queue.recv_many(&mut requests, WRITE_BATCH_REQUESTS).await > 0 {
        for request in requests.drain(..) {
            parts.extend(request.frame);
            match request.then {
                Then::Wait(waiter) => waiting.join(waiter),
                Then::Written(teller) => written.push(teller),
            }
        }
        if let Err(error) = write_all(&mut write, &parts).await {
            return ConnectionError::Broken(Arc::new(error));
        }
        parts.clear();
        for teller in written.drain(..) {
            let _ = teller.send(Ok(Bytes::new()));
        }
    }
    // Nobody is left to be told whether the goodbye arrived.
    let _ = write.shutdown().await;
    ConnectionError::Closed
}
