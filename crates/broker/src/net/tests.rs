//! The network layer in front of a scripted service, over real sockets.
//!
//! The service answers nothing by itself: each call goes to the test, which answers when it wants.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ottla_platform::net::{Listener, Socket, connect};
use ottla_protocol::exchange::{encode_request, peek_correlation_id};
use ottla_protocol::frame::FrameDecoder;
use ottla_protocol::messages::metadata_response::MetadataResponseBroker;
use ottla_protocol::messages::{
    ApiRequest, ApiVersionsRequest, ApiVersionsResponse, MetadataRequest, MetadataResponse,
    ProduceRequest, ProduceResponse, StrBytes,
};
use ottla_protocol::request::{Request, RequestHeader};
use ottla_protocol::response::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{Answer, Listening, Network, Peer, Reply, Service};
use crate::config::NetworkLimits;
use crate::metrics::Metrics;

const PATIENCE: Duration = Duration::from_secs(20);
/// Long enough for anything that is going to happen to have happened.
const QUIET: Duration = Duration::from_millis(50);

struct Script {
    calls: mpsc::UnboundedSender<Called>,
}

/// A request that the service was handed.
struct Called {
    correlation_id: i32,
    answer: oneshot::Sender<Answer>,
}

impl Service for Script {
    fn call(&self, _: &Arc<Peer>, header: &RequestHeader, request: Request) -> Reply {
        if let Request::ApiVersions(_) = request {
            return Reply::now(ApiVersionsResponse::default());
        }
        let (answer, later) = oneshot::channel();
        let called = Called {
            correlation_id: header.correlation_id,
            answer,
        };
        self.calls.send(called).expect("the test waits for calls");
        Reply::Later(Box::pin(async { later.await.unwrap_or(Answer::Hangup) }))
    }

    fn answered(&self, _: &RequestHeader, _: &Response) {}
}

struct Rig {
    network: Arc<Network<Script>>,
    listening: Vec<Listening>,
    port: u16,
    calls: mpsc::UnboundedReceiver<Called>,
}

fn limits() -> NetworkLimits {
    NetworkLimits {
        request_bytes_max: 1 << 20,
        queued_request_bytes_max: 1 << 24,
        connections_max: usize::MAX,
        connections_per_ip_max: usize::MAX,
        connections_per_ip_overrides: std::collections::BTreeMap::new(),
        connection_idle_max: None,
        send_buffer_bytes: None,
        receive_buffer_bytes: None,
        listen_backlog: 50,
    }
}

impl Rig {
    async fn start(limits: NetworkLimits) -> Rig {
        let (sender, calls) = mpsc::unbounded_channel();
        let service = Arc::new(Script { calls: sender });
        let network = Network::new(service, limits, Arc::new(Metrics::new()));
        let listener = Listener::bind("127.0.0.1", 0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let listening = vec![network.listen(listener, "PLAINTEXT")];
        Rig {
            network,
            listening,
            port,
            calls,
        }
    }

    async fn connect(&self) -> Client {
        let socket = connect("127.0.0.1", self.port).await.unwrap();
        Client {
            socket,
            received: BytesMut::new(),
        }
    }

    async fn called(&mut self) -> Called {
        timeout(PATIENCE, self.calls.recv())
            .await
            .expect("a call in time")
            .expect("a service")
    }

    async fn not_called(&mut self) {
        assert!(
            timeout(QUIET, self.calls.recv()).await.is_err(),
            "nothing was to be called"
        );
    }
}

impl Called {
    fn answer(self, response: impl Into<Response>) {
        let _ = self.answer.send(Answer::Response(response.into()));
    }
}

struct Client {
    socket: Socket,
    received: BytesMut,
}

impl Client {
    async fn send<R: ApiRequest>(&mut self, version: i16, correlation_id: i32, request: &R) {
        let frame = encode_request(version, correlation_id, Some("test"), request).unwrap();
        self.socket.write_all(&frame).await.unwrap();
    }

    async fn metadata(&mut self, correlation_id: i32) {
        self.send(1, correlation_id, &MetadataRequest::default())
            .await;
    }

    async fn produce(&mut self, correlation_id: i32) {
        self.send(9, correlation_id, &ProduceRequest::default().with_acks(-1))
            .await;
    }

    async fn versions(&mut self, correlation_id: i32) {
        self.send(0, correlation_id, &ApiVersionsRequest::default())
            .await;
    }

    /// The next frame, or `None` at the end of the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let decoder = FrameDecoder::new(1 << 30);
        loop {
            if let Some(frame) = decoder.decode(&mut self.received).unwrap() {
                return Some(frame);
            }
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.received)).await;
            // A reset is an end too: the peer closed with our bytes unread.
            if read.expect("an answer or the end in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// The correlation id of the next response.
    async fn answered(&mut self) -> i32 {
        let frame = self.next().await.expect("a response");
        peek_correlation_id(&frame).expect("a header")
    }

    async fn closed(&mut self) {
        assert!(
            self.next().await.is_none(),
            "the connection was to be closed"
        );
    }
}

#[tokio::test]
async fn produces_overlap_and_are_answered_in_order() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    for id in 1..=3 {
        client.produce(id).await;
    }
    let (first, second, third) = (rig.called().await, rig.called().await, rig.called().await);
    assert_eq!(
        [
            first.correlation_id,
            second.correlation_id,
            third.correlation_id
        ],
        [1, 2, 3]
    );
    third.answer(ProduceResponse::default());
    second.answer(ProduceResponse::default());
    tokio::time::sleep(QUIET).await;
    assert!(
        client.socket.try_read(&mut [0]).is_err(),
        "nothing may overtake the first"
    );
    first.answer(ProduceResponse::default());
    for id in 1..=3 {
        assert_eq!(client.answered().await, id);
    }
}

#[tokio::test]
async fn what_is_no_produce_waits_for_those_before_it_and_holds_up_those_behind() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.produce(1).await;
    client.metadata(2).await;
    client.produce(3).await;
    let produce = rig.called().await;
    rig.not_called().await;
    produce.answer(ProduceResponse::default());
    let metadata = rig.called().await;
    assert_eq!(metadata.correlation_id, 2);
    rig.not_called().await;
    metadata.answer(MetadataResponse::default());
    rig.called().await.answer(ProduceResponse::default());
    for id in 1..=3 {
        assert_eq!(client.answered().await, id);
    }
}

#[tokio::test]
async fn connections_do_not_wait_for_each_other() {
    let mut rig = Rig::start(limits()).await;
    let (mut slow, mut quick) = (rig.connect().await, rig.connect().await);
    slow.metadata(1).await;
    let waiting = rig.called().await;
    quick.versions(2).await;
    assert_eq!(quick.answered().await, 2);
    waiting.answer(MetadataResponse::default());
    assert_eq!(slow.answered().await, 1);
}

#[tokio::test]
async fn only_so_many_produces_are_in_flight() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    let most = crate::limits::IN_FLIGHT_PER_CONNECTION_MAX;
    for id in 0..=most {
        client.produce(i32::try_from(id).unwrap()).await;
    }
    let mut calls = Vec::new();
    for _ in 0..most {
        calls.push(rig.called().await);
    }
    rig.not_called().await;
    calls.remove(0).answer(ProduceResponse::default());
    assert_eq!(
        rig.called().await.correlation_id,
        i32::try_from(most).unwrap()
    );
}

#[tokio::test]
async fn a_silent_answer_sends_nothing_and_a_hangup_closes_after_what_was_owed() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    for id in 1..=4 {
        client.produce(id).await;
    }
    let _ = rig.called().await.answer.send(Answer::Silence);
    rig.called().await.answer(ProduceResponse::default());
    let _ = rig.called().await.answer.send(Answer::Hangup);
    assert_eq!(client.answered().await, 2);
    client.closed().await;
}

#[tokio::test]
async fn an_oversize_frame_closes_its_connection_and_no_other() {
    let mut rig = Rig::start(limits()).await;
    let (mut bad, mut good) = (rig.connect().await, rig.connect().await);
    bad.metadata(1).await;
    let owed = rig.called().await;
    bad.socket
        .write_all(&(1_u32 << 20).wrapping_add(1).to_be_bytes())
        .await
        .unwrap();
    owed.answer(MetadataResponse::default());
    assert_eq!(bad.answered().await, 1);
    bad.closed().await;
    good.versions(2).await;
    assert_eq!(good.answered().await, 2);
}

#[tokio::test]
async fn malformed_requests_close_their_connection() {
    let rig = Rig::start(limits()).await;
    let hostile: [&[u8]; 7] = [
        b"\xff\xff\xff\xff",                                         // negative size
        b"\0\0\0\0",                                                 // no header
        b"\0\0\0\x03\0\x03\0",                                       // half a header
        b"\0\0\0\x08\x03\xe7\0\0\0\0\0\x01",                         // unknown API
        b"\0\0\0\x0a\0\x03\0\x63\0\0\0\x01\xff\xff",                 // unknown version
        b"\0\0\0\x0a\0\0\0\0\0\0\0\x01\xff\xff",                     // Produce, version 0
        b"\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\x7f\xff\xff\xff", // two billion topics
    ];
    for bytes in hostile {
        let mut client = rig.connect().await;
        client.socket.write_all(bytes).await.unwrap();
        client.closed().await;
    }
    assert!(
        rig.network
            .metrics
            .render()
            .contains("ottla_connections_malformed_total 7")
    );
}

#[tokio::test]
async fn an_unknown_version_of_api_versions_is_answered_in_order() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.produce(1).await;
    let produce = rig.called().await;
    let newer = b"\0\0\0\x0c\0\x12\x03\xe7\0\0\0\x02\xff\xff\0\0";
    client.socket.write_all(newer).await.unwrap();
    client.versions(3).await;
    produce.answer(ProduceResponse::default());
    assert_eq!(client.answered().await, 1);
    let refusal = client.next().await.unwrap();
    assert_eq!(&refusal[..6], b"\0\0\0\x02\0\x23");
    assert_eq!(client.answered().await, 3);
}

#[tokio::test]
async fn memory_is_held_until_the_reply_has_left() {
    let mut limits = limits();
    limits.queued_request_bytes_max = 60;
    let mut rig = Rig::start(limits).await;
    let (mut first, mut second) = (rig.connect().await, rig.connect().await);
    first.metadata(1).await;
    let holding = rig.called().await;
    second.send(13, 2, &large_metadata_request()).await;
    rig.not_called().await;
    assert!(rig.network.memory().available_bytes() < 60);
    holding.answer(MetadataResponse::default());
    assert_eq!(first.answered().await, 1);
    rig.called().await.answer(MetadataResponse::default());
    assert_eq!(second.answered().await, 2);
    let freed = async {
        while rig.network.memory().available_bytes() < 60 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, freed)
        .await
        .expect("all memory comes back");
    assert!(
        rig.network
            .metrics
            .render()
            .contains("ottla_request_memory_waits_total 1")
    );
}

fn large_metadata_request() -> MetadataRequest {
    use ottla_protocol::messages::TopicName;
    use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
    let name = TopicName::from(StrBytes::from_string("t".repeat(100)));
    let topic = MetadataRequestTopic::default().with_name(Some(name));
    MetadataRequest::default().with_topics(Some(vec![topic]))
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_not_served_further() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    let large = MetadataResponse::default().with_brokers(vec![
        MetadataResponseBroker::default()
            .with_host(
                StrBytes::from_string("h".repeat(30_000))
            );
        600
    ]);
    // As large as all socket buffers together, twice.
    client.metadata(1).await;
    client.metadata(2).await;
    rig.called().await.answer(large.clone());
    rig.not_called().await;
    assert_eq!(client.answered().await, 1);
    rig.called().await.answer(large);
    assert_eq!(client.answered().await, 2);
}

#[tokio::test]
async fn an_idle_connection_is_closed_but_one_that_waits_for_us_is_not() {
    let mut limits = limits();
    limits.connection_idle_max = Some(Duration::from_millis(50));
    let mut rig = Rig::start(limits).await;
    let (mut idle, mut waiting) = (rig.connect().await, rig.connect().await);
    waiting.metadata(1).await;
    let called = rig.called().await;
    idle.closed().await;
    called.answer(MetadataResponse::default());
    assert_eq!(waiting.answered().await, 1);
    waiting.closed().await;
}

#[tokio::test]
async fn a_peer_that_closed_its_side_still_gets_what_it_is_owed() {
    let mut rig = Rig::start(limits()).await;
    let mut client = rig.connect().await;
    client.metadata(1).await;
    client.metadata(2).await;
    client.socket.shutdown().await.unwrap();
    rig.called().await.answer(MetadataResponse::default());
    rig.called().await.answer(MetadataResponse::default());
    assert_eq!([client.answered().await, client.answered().await], [1, 2]);
    client.closed().await;
}

#[tokio::test]
async fn an_address_has_only_so_many_connections() {
    let mut limits = limits();
    limits.connections_per_ip_max = 1;
    let rig = Rig::start(limits).await;
    let mut first = rig.connect().await;
    first.versions(1).await;
    assert_eq!(first.answered().await, 1);
    rig.connect().await.closed().await;
    drop(first);
    timeout(PATIENCE, async {
        while rig.network.connections() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the first is gone");
    let mut next = rig.connect().await;
    next.versions(2).await;
    assert_eq!(next.answered().await, 2);
}

#[tokio::test]
async fn beyond_the_limit_in_all_connections_wait_for_their_turn() {
    let mut limits = limits();
    limits.connections_max = 1;
    let rig = Rig::start(limits).await;
    let mut first = rig.connect().await;
    first.versions(1).await;
    assert_eq!(first.answered().await, 1);
    let mut second = rig.connect().await;
    second.versions(2).await;
    assert!(
        timeout(QUIET, second.next()).await.is_err(),
        "it was not to be served yet"
    );
    drop(first);
    assert_eq!(second.answered().await, 2);
}

#[tokio::test]
async fn draining_answers_what_is_in_flight_and_takes_nothing_new() {
    let mut rig = Rig::start(limits()).await;
    let (mut busy, mut idle) = (rig.connect().await, rig.connect().await);
    busy.metadata(1).await;
    idle.versions(9).await;
    assert_eq!(idle.answered().await, 9);
    let called = rig.called().await;
    let network = Arc::clone(&rig.network);
    let listening = std::mem::take(&mut rig.listening);
    let draining = tokio::spawn(async move { network.drain(listening).await });
    idle.closed().await;
    assert!(
        connect("127.0.0.1", rig.port).await.is_err(),
        "no new connections"
    );
    busy.metadata(2).await;
    called.answer(MetadataResponse::default());
    assert_eq!(busy.answered().await, 1);
    busy.closed().await;
    timeout(PATIENCE, draining)
        .await
        .expect("draining ends")
        .unwrap();
    assert_eq!(rig.network.connections(), 0);
}
