//! Idempotent producers: ids that are given once, duplicates that are found, also after a restart.

use ottla_protocol::messages::InitProducerIdRequest;

use crate::node::testing::{TestClient, TestNode, name_of, stamped_batch};

async fn producer_id(client: &mut TestClient) -> i64 {
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let response = client.ask(4, &request).await;
    assert_eq!((response.error_code, response.producer_epoch), (0, 0));
    response.producer_id.0
}

/// What the log says to a batch of two records: the error, or where it is.
async fn send(client: &mut TestClient, id: i64, epoch: i16, sequence: i32) -> (&'static str, i64) {
    let records = stamped_batch(&["a", "b"], id, epoch, sequence);
    let answer = client.produce("t", 0, records).await;
    (name_of(answer.error_code), answer.base_offset)
}

#[tokio::test]
async fn duplicates_are_answered_with_their_first_place_and_gaps_are_refused() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let id = producer_id(&mut client).await;
    for (epoch, sequence, expected) in [
        (0, 0, ("NONE", 0)),
        (0, 0, ("NONE", 0)),
        (0, 2, ("NONE", 2)),
        (0, 9, ("OUT_OF_ORDER_SEQUENCE_NUMBER", -1)),
        (0, 0, ("NONE", 0)),
        (0, 4, ("NONE", 4)),
        (1, 5, ("OUT_OF_ORDER_SEQUENCE_NUMBER", -1)),
        (1, 0, ("NONE", 6)),
        (0, 6, ("INVALID_PRODUCER_EPOCH", -1)),
    ] {
        let got = send(&mut client, id, epoch, sequence).await;
        assert_eq!(got, expected, "epoch {epoch}, sequence {sequence}");
    }
}

#[tokio::test]
async fn a_restart_forgets_neither_sequences_nor_ids() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    client.create("t", 1, &[]).await;
    let id = producer_id(&mut client).await;
    assert_eq!(send(&mut client, id, 0, 0).await, ("NONE", 0));
    assert_eq!(send(&mut client, id, 0, 2).await, ("NONE", 2));
    let node = node.restarted().await;
    let mut client = node.client().await;
    assert_eq!(send(&mut client, id, 0, 2).await, ("NONE", 2));
    assert_eq!(send(&mut client, id, 0, 4).await, ("NONE", 4));
    assert!(producer_id(&mut client).await > id);
}

#[tokio::test]
async fn ids_differ_beyond_the_end_of_a_block() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let mut last = -1;
    for _ in 0..1_100 {
        let id = producer_id(&mut client).await;
        assert!(id > last);
        last = id;
    }
}

#[tokio::test]
async fn who_a_producer_was_is_said_whole_or_not_at_all() {
    let node = TestNode::start(&[]).await;
    let mut client = node.client().await;
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    let half = request.clone().with_producer_id(5.into());
    assert_eq!(
        name_of(client.ask(4, &half).await.error_code),
        "INVALID_REQUEST"
    );
    let whole = request.with_producer_id(5.into()).with_producer_epoch(3);
    assert_eq!(name_of(client.ask(4, &whole).await.error_code), "NONE");
}
