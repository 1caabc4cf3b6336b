//! Two endpoints over loopback.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use ottla_platform::net::{Listener, connect};
use ottla_protocol::types::NodeId;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

const DEADLINE: Duration = Duration::from_secs(10);

/// Remembers what was asked, in order, and answers with the body; `wait` answers only when told.
#[derive(Default)]
struct Echo {
    asked: Mutex<Vec<Bytes>>,
    release: Arc<Notify>,
}

impl Service for Echo {
    fn call(&self, _: &Remote, call: Call) -> Answer {
        self.asked.lock().push(call.body.clone());
        let release = Arc::clone(&self.release);
        async move {
            match &*call.body {
                b"wait" => release.notified().await,
                b"refuse" => return Err(Refusal::UnknownGroup),
                _ => {}
            }
            Ok(call.body)
        }
        .boxed()
    }
}

fn identity(cluster: &str, node: i32) -> Identity {
    Identity {
        starts: 1,
        cluster_id: cluster.into(),
        node: NodeId(node),
        directory: Uuid::from_u128(node.unsigned_abs().into()),
        incarnation: Uuid::new_v4(),
    }
}

fn endpoint(me: Identity) -> Arc<Endpoint> {
    Endpoint::new(EndpointOptions {
        me,
        frame_bytes_max: 1 << 20,
        control: Handle::current(),
    })
}

/// A broker that is served; dropping it ends all its connections.
struct Served {
    echo: Arc<Echo>,
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    async fn start(me: Identity, port: u16) -> Served {
        let listener = Listener::bind("127.0.0.1", port).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = Arc::new(Echo::default());
        let (stop, stopped) = oneshot::channel();
        let serving = endpoint(me).serve(listener, echo.clone(), stopped.map(drop));
        Served {
            echo,
            port,
            stop: Some(stop),
            serving: tokio::spawn(serving),
        }
    }

    async fn stop(mut self) {
        drop(self.stop.take());
        self.serving.await.unwrap();
    }
}

fn dial(me: Identity, peer: i32, port: u16, directory: Option<u128>) -> (Arc<Endpoint>, Arc<Link>) {
    let endpoint = endpoint(me);
    endpoint.set_peers([Peer {
        node: NodeId(peer),
        host: "127.0.0.1".to_owned(),
        port,
        directory: directory.map(Uuid::from_u128),
    }]);
    let link = endpoint.link(NodeId(peer), Lane::Data).unwrap();
    (endpoint, link)
}

async fn stands(link: &Link) -> Remote {
    let mut watch = link.watch();
    let stands = watch.wait_for(Option::is_some);
    let remote = timeout(DEADLINE, stands).await.unwrap().unwrap();
    remote.unwrap()
}

async fn is_down(link: &Link) {
    let mut watch = link.watch();
    let down = watch.wait_for(Option::is_none);
    timeout(DEADLINE, down).await.unwrap().unwrap();
}

async fn ask(link: &Link, body: &'static [u8]) -> Result<Bytes, LinkError> {
    let asked = link.ask(Kind::Append, 1, vec![Bytes::from_static(body)]);
    timeout(DEADLINE, asked).await.unwrap()
}

#[tokio::test]
async fn requests_arrive_in_order_and_answers_may_overtake() {
    let served = Served::start(identity("c", 2), 0).await;
    let (_endpoint, link) = dial(identity("c", 1), 2, served.port, Some(2));
    assert_eq!(stands(&link).await.node, NodeId(2));
    let waiting = link.send(Kind::Append, 1, vec![Bytes::from_static(b"wait")]);
    let waiting = waiting.await.unwrap();
    for body in [b"a", b"b", b"c"] {
        assert_eq!(ask(&link, body).await, Ok(Bytes::from_static(body)));
    }
    assert_eq!(*served.echo.asked.lock(), [&b"wait"[..], b"a", b"b", b"c"]);
    served.echo.release.notify_one();
    assert_eq!(waiting.await, Ok(Bytes::from_static(b"wait")));
    let refused = Err(LinkError::Refused(Refusal::UnknownGroup));
    assert_eq!(ask(&link, b"refuse").await, refused);
}

#[tokio::test]
async fn a_broken_link_fails_what_waits_and_stands_again_when_the_peer_is_back() {
    let served = Served::start(identity("c", 2), 0).await;
    let port = served.port;
    let (_endpoint, link) = dial(identity("c", 1), 2, port, None);
    let before = stands(&link).await;
    let waiting = link.send(Kind::Append, 1, vec![Bytes::from_static(b"wait")]);
    let waiting = waiting.await.unwrap();
    served.stop().await;
    assert_eq!(waiting.await, Err(LinkError::Down));
    is_down(&link).await;
    assert_eq!(ask(&link, b"a").await, Err(LinkError::Down));
    let _served = Served::start(identity("c", 2), port).await;
    assert_ne!(stands(&link).await.incarnation, before.incarnation);
    assert_eq!(ask(&link, b"a").await, Ok(Bytes::from_static(b"a")));
}

#[tokio::test]
async fn who_watches_a_link_is_told_of_what_comes_only() {
    let served = Served::start(identity("c", 2), 0).await;
    let (endpoint, link) = dial(identity("c", 1), 2, served.port, None);
    stands(&link).await;
    let mut watch = link.watch();
    assert!(!watch.has_changed().unwrap());
    endpoint.reset(NodeId(2));
    let changed = timeout(DEADLINE, watch.changed()).await;
    changed.unwrap().unwrap();
}

#[tokio::test]
async fn a_silent_peer_is_given_up_on_demand() {
    let served = Served::start(identity("c", 2), 0).await;
    let (endpoint, link) = dial(identity("c", 1), 2, served.port, None);
    stands(&link).await;
    let waiting = link.send(Kind::Append, 1, vec![Bytes::from_static(b"wait")]);
    let waiting = waiting.await.unwrap();
    endpoint.reset(NodeId(2));
    assert_eq!(waiting.await, Err(LinkError::Down));
    stands(&link).await;
}

#[tokio::test]
async fn what_stands_with_an_older_incarnation_of_a_peer_is_broken() {
    let served = Served::start(identity("c", 2), 0).await;
    let (endpoint, link) = dial(identity("c", 1), 2, served.port, None);
    let remote = stands(&link).await;
    let mut watch = link.watch();
    let waiting = link.send(Kind::Append, 1, vec![Bytes::from_static(b"wait")]);
    let waiting = waiting.await.unwrap();
    endpoint.drop_stale(NodeId(2), remote.incarnation);
    assert_eq!(ask(&link, b"still").await, Ok(Bytes::from_static(b"still")));
    assert!(!watch.has_changed().unwrap());
    endpoint.drop_stale(NodeId(2), Uuid::new_v4());
    assert_eq!(waiting.await, Err(LinkError::Down));
    let changed = timeout(DEADLINE, watch.changed()).await;
    changed.unwrap().unwrap();
}

#[tokio::test]
async fn strangers_never_stand() {
    let served = Served::start(identity("c", 2), 0).await;
    let foreign = dial(identity("other", 1), 2, served.port, None);
    let mistaken = dial(identity("c", 1), 3, served.port, None);
    let swapped = dial(identity("c", 1), 2, served.port, Some(77));
    let (_welcome, link) = dial(identity("c", 1), 2, served.port, Some(2));
    stands(&link).await;
    assert_eq!(ask(&link, b"a").await, Ok(Bytes::from_static(b"a")));
    for (_, link) in [foreign, mistaken, swapped] {
        assert_eq!(link.remote(), None);
        assert_eq!(ask(&link, b"a").await, Err(LinkError::Down));
    }
    assert_eq!(served.echo.asked.lock().len(), 1);
}

#[tokio::test]
async fn whoever_does_not_greet_is_closed() {
    let served = Served::start(identity("c", 2), 0).await;
    for bytes in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0, 0, 0, 4, 0, 18, 0, 0],
        &[0xff; 64],
        &[0, 0, 0, 0],
    ] {
        let mut socket = connect("127.0.0.1", served.port).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = timeout(DEADLINE, socket.read_to_end(&mut answer)).await;
        // Closed, be it with a reset: there were bytes that nobody read.
        let _ = read.unwrap();
        assert!(answer.is_empty());
    }
}

#[tokio::test]
async fn links_that_stay_are_kept_and_others_end() {
    let served = Served::start(identity("c", 2), 0).await;
    let (endpoint, link) = dial(identity("c", 1), 2, served.port, None);
    stands(&link).await;
    endpoint.set_peers(endpoint.peers().into_values());
    let kept = endpoint.link(NodeId(2), Lane::Data).unwrap();
    assert!(Arc::ptr_eq(&link, &kept));
    endpoint.set_peers([]);
    assert!(endpoint.link(NodeId(2), Lane::Data).is_none());
}
