//! A topic of transactions: one that committed, one that aborted, and one that is open when the broker ends.

use ottla_client::{Client, Isolation};
use ottla_tests::client::create_topic;
use ottla_tests::transactional::TransactionalProducer;

use crate::contents::read;

const TOPIC: &str = "ledger";

pub(crate) async fn fill(client: &Client) {
    create_topic(client, TOPIC, 1, &[]).await;
    for (id, end) in [
        ("paid", Some(true)),
        ("refused", Some(false)),
        ("open", None),
    ] {
        let mut producer = TransactionalProducer::begin(client, id, TOPIC, 0).await;
        producer.write(1, id.as_bytes()).await;
        if let Some(commits) = end {
            producer.end(commits).await;
        }
    }
}

/// What committed is there, what aborted is not, and what was open is ended by whoever goes on under its name.
pub(crate) async fn check(client: &Client) {
    TransactionalProducer::begin(client, "open", TOPIC, 0).await;
    let all = read(client, TOPIC, 0, Isolation::ReadUncommitted).await;
    let all: Vec<_> = all.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(all, [Some(&b"paid"[..]), Some(b"refused"), Some(b"open")]);
    let committed = read(client, TOPIC, 0, Isolation::ReadCommitted).await;
    let committed: Vec<_> = committed.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(committed, [Some(&b"paid"[..])]);
}
