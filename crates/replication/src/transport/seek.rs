//! How a broker finds its cluster before it has one: it asks the brokers that it was told of who
//! they are, and answers the same question.
//!
//! A question and its answer are one frame each of [`ottla_protocol::frame`]: `OTTLASK1`, and in the
//! answer a [`Presence`] as JSON. No question changes anything.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use ottla_platform::net::{Listener, Socket, connect};
use ottla_protocol::frame::SIZE_BYTES;
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::limits::{HELLO_BYTES_MAX, HELLO_TIMEOUT, PRESENCE_BYTES_MAX, SEEKERS_MAX};
use super::read::FrameReader;

const MAGIC: [u8; 8] = *b"OTTLASK1";
/// How long to rest after the system could not accept a connection.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Where a broker is, for brokers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Contact {
    /// Its number.
    pub node: i32,
    /// Its log directory.
    pub directory: Uuid,
    /// Where it listens for brokers.
    pub host: String,
    /// The port there.
    pub port: u16,
}

/// What a broker says of itself to one that looks for its cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Who it is, and where.
    pub me: Contact,
    /// The brokers that it was told of, as it was told.
    pub seeds: Vec<String>,
    /// The cluster that it belongs to, once it does.
    pub cluster: Option<Membership>,
}

/// A cluster, as one of its brokers knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// Its name.
    pub cluster_id: String,
    /// All of its brokers.
    pub brokers: Vec<Contact>,
    /// Those who found it, while that is under way.
    pub founders: Vec<i32>,
    /// Those who are out of service: one that comes with their number is taken for them, on
    /// another disk.
    #[serde(default)]
    pub out_of_service: Vec<i32>,
}

impl Contact {
    /// Its number.
    pub fn node_id(&self) -> NodeId {
        NodeId(self.node)
    }
}

/// Whether a first frame asks who is here.
pub(super) fn is_question(frame: &[u8]) -> bool {
    frame == MAGIC
}

/// The answer to such a question.
pub(super) fn answer(presence: &Presence) -> Bytes {
    let body = serde_json::to_vec(presence).expect("texts and numbers can be written");
    sized(&[&MAGIC[..], &body].concat())
}

/// Asks who is at an address.
///
/// # Errors
/// Nobody answers in time, or not as a broker does; in words.
pub async fn seek(host: &str, port: u16) -> Result<Presence, String> {
    let asking = timeout(HELLO_TIMEOUT, ask(host, port));
    asking
        .await
        .unwrap_or_else(|_| Err("it does not answer".to_owned()))
}

async fn ask(host: &str, port: u16) -> Result<Presence, String> {
    const FOREIGN: &str = "what listens there is no broker of this version";
    let socket = connect(host, port).await;
    let socket = socket.map_err(|error| error.to_string())?;
    let (read, mut write) = tokio::io::split(socket);
    let sent = write.write_all(&sized(&MAGIC)).await;
    sent.map_err(|error| error.to_string())?;
    let mut read = FrameReader::new(read, PRESENCE_BYTES_MAX);
    let frame = read.next().await.map_err(|_| FOREIGN)?.ok_or(FOREIGN)?;
    let body = frame.strip_prefix(&MAGIC).ok_or(FOREIGN)?;
    serde_json::from_slice(body).map_err(|_| FOREIGN.to_owned())
}

/// Answers those who ask on `listener` for as long as `seeking` takes. Whoever wants more of this
/// broker is sent away.
pub async fn answer_while<T>(
    listener: &Listener,
    presence: &Presence,
    seeking: impl Future<Output = T>,
) -> T {
    let mut answering = JoinSet::new();
    tokio::pin!(seeking);
    loop {
        let accepted = tokio::select! {
            found = &mut seeking => return found,
            accepted = listener.accept(), if answering.len() < SEEKERS_MAX => accepted,
            Some(_) = answering.join_next() => continue,
        };
        match accepted {
            Ok((socket, peer)) => {
                let reply = answer(presence);
                answering.spawn(async move { reply_once(socket, peer, reply).await });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections of brokers");
                tokio::time::sleep(ACCEPT_REST).await;
            }
        }
    }
}

async fn reply_once(socket: Socket, peer: SocketAddr, reply: Bytes) {
    let (read, mut write) = tokio::io::split(socket);
    let mut read = FrameReader::new(read, HELLO_BYTES_MAX);
    match timeout(HELLO_TIMEOUT, read.next()).await {
        // Whoever asked may have gone.
        Ok(Ok(Some(frame))) if is_question(&frame) => _ = write.write_all(&reply).await,
        _ => tracing::debug!(%peer, "this broker has no cluster yet"),
    }
}

fn sized(body: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(SIZE_BYTES + body.len());
    frame.put_i32(i32::try_from(body.len()).expect("a presence is short"));
    frame.put_slice(body);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presence() -> Presence {
        Presence {
            me: Contact {
                node: 3,
                directory: Uuid::from_u128(7),
                host: "host".to_owned(),
                port: 9093,
            },
            seeds: vec!["a:1".to_owned()],
            cluster: None,
        }
    }

    #[tokio::test]
    async fn who_asks_is_told() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = presence();
        let found = answer_while(&listener, &said, seek("127.0.0.1", port)).await;
        assert_eq!(found, Ok(presence()));
    }

    #[tokio::test]
    async fn what_is_no_broker_is_told_from_one() {
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let foreign = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await
        });
        let found = seek("127.0.0.1", port).await;
        assert!(found.unwrap_err().contains("no broker of this version"));
        foreign.await.unwrap().unwrap();
        assert!(seek("127.0.0.1", port).await.is_err(), "nobody listens");
    }
}
