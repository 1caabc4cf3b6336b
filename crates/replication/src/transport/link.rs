//! A connection that we dialled: requests out, replies in. One task owns it and dials again
//! whenever it breaks; what was not answered by then fails, and what is asked meanwhile fails at
//! once, so that whoever asks decides what to do.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use ottla_platform::net::{Socket, connect, write_all};
use ottla_platform::seed::HashMap;
use ottla_protocol::types::NodeId;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::endpoint::Runs;
use super::frame::{HEAD_BYTES_MAX, Kind, Refusal, Request, decode_reply};
use super::hello::{Hello, Identity, Lane, Remote, Verdict, Welcome};
use super::limits::{
    HELLO_BYTES_MAX, HELLO_TIMEOUT, QUEUED_MAX, REDIAL_REST, REDIAL_REST_MAX, SILENCE_MAX,
    UNANSWERED_BYTES_MAX, WRITE_BATCH,
};
use super::read::FrameReader;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// There is no connection, or it broke before the answer: nobody knows what the peer did.
    #[error("no connection to the peer")]
    Down,
    /// The peer did not do it.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A handle to the task that owns the connection. When the last is dropped, the task ends.
#[derive(Debug)]
pub struct Link {
    queue: mpsc::Sender<Outgoing>,
    budget: Arc<Semaphore>,
    standing: watch::Receiver<Option<Remote>>,
    broken: Arc<Notify>,
}

/// An answer on its way.
#[derive(Debug)]
pub struct Reply(oneshot::Receiver<Result<Bytes, Refusal>>);

/// Whom to dial.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) me: Identity,
    pub(super) to: NodeId,
    pub(super) host: String,
    pub(super) port: u16,
    /// The only log directory that will do, if it is known.
    pub(super) directory: Option<Uuid>,
    pub(super) runs: Arc<Runs>,
    pub(super) lane: Lane,
    pub(super) frame_bytes_max: usize,
}

#[derive(Debug)]
struct Outgoing {
    kind: Kind,
    group: u64,
    body: Vec<Bytes>,
    waiting: Waiting,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    answer: oneshot::Sender<Result<Bytes, Refusal>>,
    _permit: OwnedSemaphorePermit,
}

impl Link {
    /// The link, and what drives it, to be spawned.
    pub(super) fn new(dial: Dial) -> (Link, impl Future<Output = ()> + Send + 'static) {
        let (queue, queued) = mpsc::channel(QUEUED_MAX);
        let (stands, standing) = watch::channel(None);
        let broken = Arc::new(Notify::new());
        let link = Link {
            queue,
            budget: Arc::new(Semaphore::new(UNANSWERED_BYTES_MAX)),
            standing,
            broken: Arc::clone(&broken),
        };
        let driver = Driver {
            dial,
            queued,
            stands,
            broken,
        };
        (link, driver.run())
    }

    /// Queues a request, waiting for room. Requests reach the peer in the order in which this
    /// future was awaited.
    ///
    /// # Errors
    /// [`LinkError::Down`].
    pub async fn send(&self, kind: Kind, group: u64, body: Vec<Bytes>) -> Result<Reply, LinkError> {
        if self.standing.borrow().is_none() {
            return Err(LinkError::Down);
        }
        let size: usize = body.iter().map(Bytes::len).sum();
        let permits = u32::try_from(size.min(UNANSWERED_BYTES_MAX)).expect("the limit fits");
        let budget = Arc::clone(&self.budget);
        let permit = budget.acquire_many_owned(permits).await;
        let (answer, reply) = oneshot::channel();
        let outgoing = Outgoing {
            kind,
            group,
            body,
            waiting: Waiting {
                since: Instant::now(),
                answer,
                _permit: permit.expect("nobody closes this semaphore"),
            },
        };
        let queued = self.queue.send(outgoing).await;
        queued.map_err(|_| LinkError::Down)?;
        Ok(Reply(reply))
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// See [`LinkError`].
    pub async fn ask(&self, kind: Kind, group: u64, body: Vec<Bytes>) -> Result<Bytes, LinkError> {
        self.send(kind, group, body).await?.await
    }

    /// Who stands at the other end now.
    pub fn remote(&self) -> Option<Remote> {
        *self.standing.borrow()
    }

    /// Tells of each connection that begins or ends from now on.
    pub fn watch(&self) -> watch::Receiver<Option<Remote>> {
        let mut watch = self.standing.clone();
        watch.mark_unchanged();
        watch
    }

    /// Breaks the connection, if there is one: the peer does not answer any more.
    pub fn reset(&self) {
        self.broken.notify_waiters();
    }
}

impl Future for Reply {
    type Output = Result<Bytes, LinkError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| Ok(answer.map_err(|_broken| LinkError::Down)??))
    }
}

/// Why a peer was not reached.
#[derive(Debug, thiserror::Error)]
enum DialError {
    #[error("it cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("it did not answer in time")]
    Late,
    #[error("what listens there is no broker of this version")]
    Foreign,
    #[error("it belongs to cluster {0}")]
    OtherCluster(Arc<str>),
    #[error("node {0} listens there")]
    OtherNode(NodeId),
    #[error("it has the same node id as this broker")]
    SameNode,
    #[error(
        "it knows this broker by another log directory: this broker's disk was emptied or swapped"
    )]
    ThisDirectory,
    #[error(
        "this broker's log directory is older than the cluster knows it: an older copy was put back. \
         It holds less than was acknowledged: empty it, and this broker gets its data from the others"
    )]
    ThisOlder,
    #[error("its log directory is older than it was before: an older copy was put back")]
    Older,
    #[error("it has log directory {found}, not {expected}: its disk was emptied or swapped")]
    OtherDirectory { expected: Uuid, found: Uuid },
}

impl Dial {
    async fn open(&self) -> Result<(Connection, Remote), DialError> {
        let opening = timeout(HELLO_TIMEOUT, self.greet()).await;
        opening.unwrap_or(Err(DialError::Late))
    }

    async fn greet(&self) -> Result<(Connection, Remote), DialError> {
        let socket = connect(&self.host, self.port).await?;
        let (read, mut write) = tokio::io::split(socket);
        let hello = Hello {
            lane: self.lane,
            to: self.to,
            from: self.me.clone(),
        };
        write.write_all(&hello.encode()).await?;
        let mut read = FrameReader::new(read, HELLO_BYTES_MAX);
        let answer = read.next().await?.and_then(|frame| Welcome::decode(&frame));
        let welcome = answer.ok_or(DialError::Foreign)?;
        let remote = self.check(&welcome)?;
        read.set_frame_bytes_max(self.frame_bytes_max.saturating_add(HEAD_BYTES_MAX));
        Ok((Connection { read, write }, remote))
    }

    fn check(&self, welcome: &Welcome) -> Result<Remote, DialError> {
        let found = &welcome.from;
        match welcome.verdict {
            Verdict::OtherCluster => {
                return Err(DialError::OtherCluster(Arc::clone(&found.cluster_id)));
            }
            Verdict::OtherNode => return Err(DialError::OtherNode(found.node)),
            Verdict::SameNode => return Err(DialError::SameNode),
            Verdict::OtherDirectory => return Err(DialError::ThisDirectory),
            Verdict::OlderDirectory => return Err(DialError::ThisOlder),
            Verdict::Welcome => {}
        }
        match self.directory {
            Some(expected) if expected != found.directory => Err(DialError::OtherDirectory {
                expected,
                found: found.directory,
            }),
            _ if self.is_older(found) => Err(DialError::Older),
            _ => Ok(Remote::from(found)),
        }
    }

    fn is_older(&self, found: &Identity) -> bool {
        let latest = self.runs.latest(self.to);
        latest.is_some_and(|latest| latest.is_newer_than(found))
    }
}

struct Connection {
    read: FrameReader<tokio::io::ReadHalf<Socket>>,
    write: tokio::io::WriteHalf<Socket>,
}

/// Owns the connection.
struct Driver {
    dial: Dial,
    queued: mpsc::Receiver<Outgoing>,
    stands: watch::Sender<Option<Remote>>,
    broken: Arc<Notify>,
}

impl Driver {
    async fn run(mut self) {
        let mut rest = REDIAL_REST;
        let mut told = String::new();
        let (peer, lane) = (self.dial.to, self.dial.lane);
        loop {
            let dial = self.dial.clone();
            let Some(opened) = refusing(&mut self.queued, dial.open()).await else {
                return;
            };
            match opened {
                Ok((connection, remote)) => {
                    (rest, told) = (REDIAL_REST, String::new());
                    tracing::debug!(%peer, ?lane, "connected to a broker");
                    self.stands.send_replace(Some(remote));
                    let ended = self.exchange(connection).await;
                    self.stands.send_replace(None);
                    match ended {
                        Some(reason) => tracing::debug!(%peer, ?lane, %reason, "lost a broker"),
                        None => return,
                    }
                }
                Err(reason) => {
                    let reason = reason.to_string();
                    if told != reason {
                        tracing::warn!(%peer, address = %self.address(), %reason, "no way to a broker");
                        told = reason;
                    }
                    rest = REDIAL_REST_MAX.min(rest * 2);
                }
            }
            if refusing(&mut self.queued, sleep(rest)).await.is_none() {
                return;
            }
        }
    }

    fn address(&self) -> String {
        format!("{}:{}", self.dial.host, self.dial.port)
    }

    /// Carries requests and replies until the connection breaks, for this reason, or nobody has
    /// the link any more.
    async fn exchange(&mut self, connection: Connection) -> Option<io::Error> {
        let Connection { mut read, write } = connection;
        let unanswered = Mutex::default();
        let writing = write_requests(write, &mut self.queued, &unanswered);
        let broken = self.broken.notified();
        tokio::select! {
            ended = writing => ended.err(),
            ended = read_replies(&mut read, &unanswered) => Some(ended),
            () = broken => Some(io::Error::other("the peer has fallen silent")),
        }
    }
}

type Unanswered = Mutex<HashMap<u64, Waiting>>;

/// Ends well when nobody can ask any more.
async fn write_requests(
    mut write: impl AsyncWrite + Unpin,
    queued: &mut mpsc::Receiver<Outgoing>,
    unanswered: &Unanswered,
) -> io::Result<()> {
    let mut next_number: u64 = 0;
    let mut batch = Vec::with_capacity(WRITE_BATCH);
    let mut parts = Vec::new();
    while queued.recv_many(&mut batch, WRITE_BATCH).await > 0 {
        for outgoing in batch.drain(..) {
            let size = outgoing.body.iter().map(Bytes::len).sum();
            let (kind, group) = (outgoing.kind, outgoing.group);
            parts.push(Request::head(next_number, kind, group, size));
            parts.extend(outgoing.body);
            unanswered.lock().insert(next_number, outgoing.waiting);
            next_number += 1;
        }
        write_all(&mut write, &parts).await?;
        parts.clear();
    }
    Ok(())
}

/// Ends when the connection does, or leads nowhere: nothing comes, and something should.
async fn read_replies(
    read: &mut FrameReader<impl AsyncRead + Unpin>,
    unanswered: &Unanswered,
) -> io::Error {
    loop {
        let frame = match timeout(SILENCE_MAX, read.next()).await {
            Ok(Ok(Some(frame))) => frame,
            Ok(Ok(None)) => return io::ErrorKind::ConnectionAborted.into(),
            Ok(Err(error)) => return error,
            Err(_silence) => {
                let is_late = |waiting: &Waiting| waiting.since.elapsed() >= SILENCE_MAX;
                if unanswered.lock().values().any(is_late) {
                    return io::Error::other("the peer answers nothing on this connection");
                }
                continue;
            }
        };
        let Some((number, answer)) = decode_reply(frame) else {
            return io::Error::other("the peer sent what is no reply");
        };
        let Some(waiting) = unanswered.lock().remove(&number) else {
            return io::Error::other("the peer answered what was not asked");
        };
        // Whoever asked may have gone.
        let _ = waiting.answer.send(answer);
    }
}

/// Waits for `work`, refusing all requests meanwhile; `None` when nobody can ask any more.
async fn refusing<T>(
    queued: &mut mpsc::Receiver<Outgoing>,
    work: impl Future<Output = T>,
) -> Option<T> {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return Some(done),
            outgoing = queued.recv() => drop(outgoing?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting() -> Waiting {
        let budget = Arc::new(Semaphore::new(1));
        Waiting {
            since: Instant::now(),
            answer: oneshot::channel().0,
            _permit: budget.try_acquire_owned().unwrap(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_leads_nowhere_is_given_up() {
        let (near, _far) = tokio::io::duplex(100);
        let unanswered = Unanswered::default();
        let mut read = FrameReader::new(near, 100);
        let mut reading = std::pin::pin!(read_replies(&mut read, &unanswered));
        // Nothing is due: it may be silent for ever.
        assert!(timeout(SILENCE_MAX * 10, &mut reading).await.is_err());
        unanswered.lock().insert(0, waiting());
        assert!(timeout(SILENCE_MAX / 2, &mut reading).await.is_err());
        assert!(timeout(SILENCE_MAX * 2, &mut reading).await.is_ok());
    }
}
