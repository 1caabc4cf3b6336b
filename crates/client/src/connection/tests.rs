//! A connection against a broker's end that misbehaves in every way the protocol allows it to.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::{DuplexStream, duplex, split};

use super::{Connection, ConnectionOptions};
use crate::error::ConnectionError;
use crate::fake::peer::{Peer, response_frame, versions_response};
use crate::wire::messages::{ApiVersionsRequest, MetadataRequest, MetadataResponse};
use crate::wire::text;
use ottla_protocol::ErrorCode;

const METADATA: &[(i16, i16, i16)] = &[(18, 0, 4), (3, 0, 12)];

fn options() -> ConnectionOptions {
    ConnectionOptions {
        client_id: "tester".to_owned(),
        connect_timeout: Duration::from_secs(1),
        request_timeout: Duration::from_secs(5),
        response_bytes_max: 1 << 20,
    }
}

/// A connection and the other end of its stream, versions agreed.
async fn connected() -> (Connection, Peer<DuplexStream>) {
    let (client, broker) = duplex(1 << 16);
    let mut peer = Peer::new(broker);
    let (read, write) = split(client);
    let (connection, ()) = tokio::join!(
        Connection::over(read, write, options()),
        peer.negotiate(METADATA)
    );
    (connection.unwrap(), peer)
}

fn cluster(id: &str) -> MetadataResponse {
    MetadataResponse::default().with_cluster_id(Some(text(id)))
}

async fn answer(peer: &mut Peer<DuplexStream>, id: &str) {
    let request = peer.next().await.unwrap();
    let frame = request.answer::<MetadataRequest>(&cluster(id));
    peer.send(&frame).await;
}

#[tokio::test]
async fn requests_carry_the_client_id_and_the_version_agreed() {
    let (connection, mut peer) = connected().await;
    let caller = tokio::spawn(async move { connection.call(&MetadataRequest::default()).await });
    let request = peer.next().await.unwrap();
    let (header, _) = request.body::<MetadataRequest>();
    assert_eq!(
        (request.version, header.client_id),
        (12, Some("tester".to_owned()))
    );
    peer.send(&request.answer::<MetadataRequest>(&cluster("here")))
        .await;
    assert_eq!(
        caller.await.unwrap().unwrap().cluster_id,
        Some(text("here"))
    );
}

#[tokio::test]
async fn requests_are_pipelined_and_answered_in_order() {
    let (connection, mut peer) = connected().await;
    let request = MetadataRequest::default();
    let first = connection.try_send(&request, 12).unwrap();
    let second = connection.try_send(&request, 12).unwrap();
    // Both are on the wire before either is answered.
    let received = [peer.next().await.unwrap(), peer.next().await.unwrap()];
    for (request, id) in received.iter().zip(["one", "two"]) {
        peer.send(&request.answer::<MetadataRequest>(&cluster(id)))
            .await;
    }
    assert_eq!(
        second.response().await.unwrap().cluster_id,
        Some(text("two"))
    );
    assert_eq!(
        first.response().await.unwrap().cluster_id,
        Some(text("one"))
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_upset_the_next() {
    let (connection, mut peer) = connected().await;
    drop(
        connection
            .try_send(&MetadataRequest::default(), 12)
            .unwrap(),
    );
    let second = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    answer(&mut peer, "one").await;
    answer(&mut peer, "two").await;
    assert_eq!(
        second.response().await.unwrap().cluster_id,
        Some(text("two"))
    );
}

#[tokio::test]
async fn a_response_to_another_request_ends_the_connection() {
    let (connection, mut peer) = connected().await;
    let (first, second) = (
        connection
            .try_send(&MetadataRequest::default(), 12)
            .unwrap(),
        connection
            .try_send(&MetadataRequest::default(), 12)
            .unwrap(),
    );
    let id = peer.next().await.unwrap().correlation_id;
    peer.send(&response_frame::<MetadataRequest>(
        id + 1,
        12,
        &cluster("no"),
    ))
    .await;
    for pending in [first, second] {
        let error = pending.response().await.unwrap_err();
        assert!(
            matches!(error, ConnectionError::WrongCorrelation { .. }),
            "{error}"
        );
    }
    assert!(connection.is_closed());
    assert!(connection.call(&MetadataRequest::default()).await.is_err());
}

#[tokio::test]
async fn a_closed_stream_fails_all_that_wait() {
    let (connection, peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    drop(peer);
    let error = pending.response().await.unwrap_err();
    assert!(error.is_transient(), "{error}");
}

#[tokio::test]
async fn closing_on_this_side_fails_all_that_wait_and_tells_the_broker() {
    let (connection, mut peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    connection.close();
    assert!(matches!(
        pending.response().await,
        Err(ConnectionError::Closed)
    ));
    while peer.next().await.is_some() {}
}

#[tokio::test]
async fn dropping_the_last_handle_closes_the_stream() {
    let (connection, mut peer) = connected().await;
    drop(connection);
    assert!(peer.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn silence_ends_the_connection_after_the_timeout() {
    let (connection, _peer) = connected().await;
    let error = connection
        .call(&MetadataRequest::default())
        .await
        .unwrap_err();
    let ConnectionError::TimedOut { after, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(after, options().request_timeout);
    assert!(connection.is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_request_may_be_allowed_more_time() {
    let (connection, mut peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    let pending = pending.allow(Duration::from_secs(60));
    tokio::time::sleep(Duration::from_secs(30)).await;
    answer(&mut peer, "late").await;
    assert!(pending.response().await.is_ok());
}

#[tokio::test]
async fn an_oversized_response_ends_the_connection_before_it_is_read() {
    let (connection, mut peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    peer.next().await.unwrap();
    peer.send_raw(&(2u32 << 20).to_be_bytes()).await;
    assert!(matches!(
        pending.response().await,
        Err(ConnectionError::Frame(_))
    ));
}

#[tokio::test]
async fn a_response_that_does_not_decode_is_an_error_of_that_request() {
    let (connection, mut peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    let id = peer.next().await.unwrap().correlation_id;
    peer.send(&[&id.to_be_bytes()[..], b"\0\0"].concat()).await;
    assert!(matches!(
        pending.response().await,
        Err(ConnectionError::Malformed { .. })
    ));
}

#[tokio::test]
async fn a_response_arrives_whole_however_it_is_cut() {
    let (connection, mut peer) = connected().await;
    let pending = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    let request = peer.next().await.unwrap();
    let frame = request.answer::<MetadataRequest>(&cluster("slowly"));
    let size = u32::try_from(frame.len()).unwrap().to_be_bytes();
    for byte in [&size[..], &frame].concat() {
        peer.send_raw(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(
        pending.response().await.unwrap().cluster_id,
        Some(text("slowly"))
    );
}

#[tokio::test]
async fn an_older_broker_is_asked_for_its_versions_in_one_it_knows() {
    let (client, broker) = duplex(1 << 16);
    let mut peer = Peer::new(broker);
    let (read, write) = split(client);
    let broker = async {
        let first = peer.next().await.unwrap();
        let mut refusal = versions_response(&[(18, 0, 1)]);
        refusal.error_code = ErrorCode::UnsupportedVersion.code();
        peer.send(&response_frame::<ApiVersionsRequest>(
            first.correlation_id,
            0,
            &refusal,
        ))
        .await;
        let second = peer.next().await.unwrap();
        assert_eq!(second.version, 1);
        peer.send(&second.answer::<ApiVersionsRequest>(&versions_response(METADATA)))
            .await;
    };
    let (connection, ()) = tokio::join!(Connection::over(read, write, options()), broker);
    assert_eq!(connection.unwrap().versions().served(3), Some((0, 12)));
}

#[tokio::test]
async fn a_broker_that_closes_during_negotiation_is_no_connection() {
    let (client, broker) = duplex(1 << 16);
    drop(broker);
    let (read, write) = split(client);
    assert!(Connection::over(read, write, options()).await.is_err());
}

#[tokio::test]
async fn more_requests_than_a_connection_takes_are_refused_at_once() {
    // The stream takes a few bytes only, so that the writer stalls and the queue fills.
    let (client, broker) = duplex(64);
    let mut peer = Peer::new(broker);
    let (read, write) = split(client);
    let (connection, ()) = tokio::join!(
        Connection::over(read, write, options()),
        peer.negotiate(METADATA)
    );
    let connection = connection.unwrap();
    let mut pending = Vec::new();
    let error = loop {
        match connection.try_send(&MetadataRequest::default(), 12) {
            Ok(one) => pending.push(one),
            Err(error) => break error,
        }
        tokio::task::yield_now().await;
    };
    assert!(matches!(error, ConnectionError::Busy), "{error}");
    assert!(pending.len() >= crate::limits::REQUESTS_IN_FLIGHT_MAX);
}

#[tokio::test]
async fn a_request_without_a_response_is_done_when_written() {
    let (connection, mut peer) = connected().await;
    let frame = [
        Bytes::from_static(&[0, 0, 0, 8]),
        Bytes::from_static(&[0, 0, 0, 9, 0, 0, 0, 1]),
    ];
    let pending = connection
        .try_send_unanswered_frame::<MetadataRequest>(12, |_, _| Ok(frame.to_vec()))
        .unwrap();
    assert!(pending.frame().await.unwrap().is_empty());
    assert_eq!(peer.next().await.unwrap().version, 9);
    // The next request is not confused with it.
    let next = connection
        .try_send(&MetadataRequest::default(), 12)
        .unwrap();
    answer(&mut peer, "next").await;
    assert!(next.response().await.is_ok());
}
