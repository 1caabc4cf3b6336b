//! Fetch sessions over the wire.

use ottla_protocol::messages::delete_topics_request::DeleteTopicState;
use ottla_protocol::messages::fetch_request::ForgottenTopic;
use ottla_protocol::messages::{DeleteTopicsRequest, FetchResponse};

use super::fetching::{NO_ID, fetch_request, partitions, wanted};
use crate::node::testing::{TestClient, TestNode, batch, name_of, topic_name};

/// Each partition of a response: its number, its error, how many bytes came.
fn told(response: &FetchResponse) -> Vec<(i32, &'static str, usize)> {
    let partitions = partitions(response).into_iter();
    let told = partitions.map(|one| {
        let bytes = one.records.as_ref().map_or(0, bytes::Bytes::len);
        (one.partition_index, name_of(one.error_code), bytes)
    });
    told.collect()
}

async fn next(client: &mut TestClient, version: i16, id: i32, epoch: i32) -> FetchResponse {
    let request = fetch_request(Vec::new())
        .with_session_id(id)
        .with_session_epoch(epoch);
    client.ask(version, &request).await
}

#[tokio::test]
async fn a_session_tells_what_changed_and_what_is_wrong() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    let topics = vec![
        wanted("t", NO_ID, 0, 0),
        wanted("nope", NO_ID, 5, 0),
        wanted("t", NO_ID, 1, 0),
    ];
    let first = client
        .ask(12, &fetch_request(topics).with_session_epoch(0))
        .await;
    let id = first.session_id;
    assert_ne!(id, 0);
    let nope = (5, "UNKNOWN_TOPIC_OR_PARTITION", 0);
    assert_eq!(told(&first), [(0, "NONE", 0), (1, "NONE", 0), nope]);
    assert_eq!(told(&next(&mut client, 12, id, 1).await), [nope]);
    let records = batch(&["value"]);
    client.produce("t", 1, records.clone()).await;
    let changed = [(1, "NONE", records.len()), nope];
    assert_eq!(told(&next(&mut client, 12, id, 2).await), changed);
    let forget = ForgottenTopic::default()
        .with_topic(topic_name("nope"))
        .with_partitions(vec![5]);
    let request = fetch_request(Vec::new())
        .with_session_id(id)
        .with_session_epoch(3)
        .with_forgotten_topics_data(vec![forget]);
    assert_eq!(
        told(&client.ask(12, &request).await),
        [(1, "NONE", records.len())]
    );
    let moved = fetch_request(vec![wanted("t", NO_ID, 1, 1)]);
    let moved = client
        .ask(12, &moved.with_session_id(id).with_session_epoch(4))
        .await;
    assert_eq!((told(&moved), moved.session_id), (vec![], id));
}

#[tokio::test]
async fn a_session_that_does_not_fit_is_refused_as_a_whole() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let request = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_session_epoch(0);
    let id = client.ask(12, &request).await.session_id;
    for (version, session, epoch, expected) in [
        (12, id, 5, "INVALID_FETCH_SESSION_EPOCH"),
        (13, id, 1, "FETCH_SESSION_TOPIC_ID_ERROR"),
        (12, id ^ 1, 1, "FETCH_SESSION_ID_NOT_FOUND"),
    ] {
        let refused = next(&mut client, version, session, epoch).await;
        assert_eq!(name_of(refused.error_code), expected);
        assert_eq!((refused.session_id, refused.responses.len()), (0, 0));
    }
    // Versions before sessions never get one.
    let old = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_session_epoch(-1);
    assert_eq!(client.ask(6, &old).await.session_id, 0);
    let closed = next(&mut client, 12, id, -1).await;
    assert_eq!((closed.error_code, closed.session_id), (0, 0));
    let gone = next(&mut client, 12, id, 1).await;
    assert_eq!(name_of(gone.error_code), "FETCH_SESSION_ID_NOT_FOUND");
}

#[tokio::test]
async fn a_session_notices_that_a_topic_was_deleted_and_that_another_has_its_name() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let topic = client.create("t", 1, &[]).await;
    let request = fetch_request(vec![wanted("", topic, 0, 0)]).with_session_epoch(0);
    let id = client.ask(16, &request).await.session_id;
    let doomed = DeleteTopicState::default()
        .with_name(None)
        .with_topic_id(topic);
    let request = DeleteTopicsRequest::default()
        .with_timeout_ms(20_000)
        .with_topics(vec![doomed]);
    assert_eq!(client.ask(6, &request).await.responses[0].error_code, 0);
    let gone = next(&mut client, 16, id, 1).await;
    assert_eq!(told(&gone), [(0, "UNKNOWN_TOPIC_OR_PARTITION", 0)]);
    client.create("t", 1, &[]).await;
    let other = next(&mut client, 16, id, 2).await;
    assert_eq!(told(&other), [(0, "INCONSISTENT_TOPIC_ID", 0)]);
}

#[tokio::test]
async fn a_broker_without_room_for_sessions_serves_without() {
    let node = TestNode::start(&["max.incremental.fetch.session.cache.slots=1"]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let request = fetch_request(vec![wanted("t", NO_ID, 0, 0)]).with_session_epoch(0);
    assert_ne!(client.ask(12, &request).await.session_id, 0);
    assert_eq!(client.ask(12, &request).await.session_id, 0);
}
