//! A connection that was accepted: greets, then hands its requests to the service in the order in
//! which they came, and sends each reply when it is there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use ottla_platform::net::{Socket, write_all};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::timeout;

use super::endpoint::Endpoint;
use super::frame::{HEAD_BYTES_MAX, Kind, Refusal, Request, reply_head};
use super::hello::{Hello, Lane, Remote, Verdict, Welcome};
use super::limits::{
    ANSWERING_BYTES_MAX, ANSWERING_MAX, HELLO_BYTES_MAX, HELLO_TIMEOUT, WRITE_BATCH,
};
use super::read::FrameReader;
use super::seek;

/// A request.
#[derive(Debug)]
pub struct Call {
    /// What is asked.
    pub kind: Kind,
    /// The Raft group that it concerns, or 0.
    pub group: u64,
    /// The rest.
    pub body: Bytes,
}

/// What becomes of a request.
pub type Answer = BoxFuture<'static, Result<Bytes, Refusal>>;

/// Who answers requests. A call runs in arrival order, and the future that it returns is polled
/// once before the next call; after that, answers may overtake each other.
pub trait Service: Send + Sync + 'static {
    /// Takes a request.
    fn call(&self, from: &Remote, call: Call) -> Answer;
}

/// A connection after its greeting.
pub(super) struct Inbound {
    pub(super) lane: Lane,
    remote: Remote,
    read: FrameReader<ReadHalf<Socket>>,
    write: WriteHalf<Socket>,
}

/// Greets who dialled; `None`, and a log line, if it is not welcome.
pub(super) async fn greet(
    socket: Socket,
    peer: SocketAddr,
    endpoint: &Endpoint,
    frame_bytes_max: usize,
) -> Option<Inbound> {
    let (read, mut write) = tokio::io::split(socket);
    let mut read = FrameReader::new(read, HELLO_BYTES_MAX);
    let greeting = timeout(HELLO_TIMEOUT, read.next()).await;
    let hello = match greeting {
        Ok(Ok(Some(frame))) if seek::is_question(&frame) => {
            let presence = endpoint.presence()?;
            // Whoever asked may have gone.
            let _ = write.write_all(&seek::answer(&presence)).await;
            return None;
        }
        Ok(Ok(Some(frame))) => Hello::decode(&frame),
        Ok(Ok(None)) => return None,
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(hello) = hello else {
        tracing::warn!(%peer, "closed a connection to the brokers' port: no greeting of a broker");
        return None;
    };
    let me = endpoint.me();
    let from = hello.from.node;
    let verdict = hello.judge(
        me,
        endpoint.directory_of(from),
        endpoint.runs().latest(from),
    );
    let welcome = Welcome {
        verdict,
        from: me.clone(),
    };
    write.write_all(&welcome.encode()).await.ok()?;
    if verdict != Verdict::Welcome {
        let (node, cluster) = (hello.from.node, &hello.from.cluster_id);
        let reason = match verdict {
            Verdict::OtherCluster => "it belongs to another cluster",
            Verdict::OtherNode => "it took this broker for another",
            Verdict::SameNode => "it has this broker's node id",
            Verdict::OtherDirectory => {
                "its log directory is another than the cluster knows: its disk was emptied or swapped"
            }
            Verdict::OlderDirectory => {
                "its log directory is older than one that it ran on before: an older copy was put back"
            }
            Verdict::Welcome => "",
        };
        tracing::warn!(%peer, %node, %cluster, reason, "sent a broker away");
        return None;
    }
    read.set_frame_bytes_max(frame_bytes_max.saturating_add(HEAD_BYTES_MAX));
    Some(Inbound {
        lane: hello.lane,
        remote: Remote::from(&hello.from),
        read,
        write,
    })
}

impl Inbound {
    /// Answers requests until the connection ends.
    pub(super) async fn serve(mut self, service: Arc<dyn Service>) -> io::Result<()> {
        let mut answering = FuturesUnordered::new();
        let mut answering_bytes = 0;
        loop {
            let has_room = answering.is_empty()
                || answering.len() < ANSWERING_MAX && answering_bytes < ANSWERING_BYTES_MAX;
            tokio::select! {
                frame = self.read.next(), if has_room => {
                    let Some(frame) = frame? else { return Ok(()) };
                    let size = frame.len();
                    let Some(request) = Request::decode(frame) else {
                        return Err(io::Error::other("the peer sent what is no request"));
                    };
                    answering_bytes += size;
                    let mut answer = self.answer(&*service, request, size);
                    // The first poll is what keeps requests in order.
                    match (&mut answer).now_or_never() {
                        Some(done) => {
                            answering_bytes -= size;
                            write_all(&mut self.write, &done.parts).await?;
                        }
                        None => answering.push(answer),
                    }
                }
                Some(done) = answering.next() => {
                    let mut parts = Vec::new();
                    let mut ready = Some(done);
                    while let Some(Done { size, parts: reply }) = ready {
                        answering_bytes -= size;
                        parts.extend(reply);
                        ready = match parts.len() < WRITE_BATCH {
                            true => answering.next().now_or_never().flatten(),
                            false => None,
                        };
                    }
                    write_all(&mut self.write, &parts).await?;
                }
            }
        }
    }

    fn answer(
        &self,
        service: &dyn Service,
        request: Request,
        size: usize,
    ) -> BoxFuture<'static, Done> {
        let Request {
            number,
            kind,
            group,
            body,
        } = request;
        let answer = service.call(&self.remote, Call { kind, group, body });
        Box::pin(async move {
            let parts = match answer.await {
                Ok(body) => vec![reply_head(number, None, body.len()), body],
                Err(refusal) => vec![reply_head(number, Some(refusal), 0)],
            };
            Done { size, parts }
        })
    }
}

/// A reply, and how large its request was.
struct Done {
    size: usize,
    parts: Vec<Bytes>,
}
