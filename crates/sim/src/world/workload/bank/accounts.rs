//! The accounts, what is copied of them, and when all of it is read.

use std::collections::BTreeMap;

use ottla_client::admin::NewTopic;
use ottla_client::{Client, Isolation, OffsetSpec, TopicPartition};
use tokio::time::sleep;

use super::super::reach::REST;

/// Where money is moved: a partition is an account.
pub(in crate::world) const BANK: &str = "bank";
/// Their number.
pub(super) const ACCOUNTS: i32 = 2;
/// What the first account sees, once more.
pub(in crate::world) const COPY: &str = "copy";
/// Whoever copies.
pub(super) const GROUP: &str = "forwarder";

/// Makes a topic, unless it is there.
pub(super) async fn create(
    client: &Client,
    name: &str,
    partitions: i32,
    replication_factor: Option<i16>,
) {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication_factor,
        ..NewTopic::default()
    };
    loop {
        let created = client
            .admin()
            .create_topics(std::slice::from_ref(&topic), false)
            .await;
        let created = format!("{created:?}");
        if created.contains("Ok([Ok(") || created.contains("TopicAlreadyExists") {
            return;
        }
        tracing::debug!(created, "no topic yet");
        sleep(REST).await;
    }
}

/// Whether nothing is there that is not committed yet, and everything is read.
pub(super) async fn is_all(client: &Client, positions: &BTreeMap<TopicPartition, i64>) -> bool {
    let wanted = positions
        .keys()
        .map(|partition| (partition.clone(), OffsetSpec::Latest));
    let ends = client.admin();
    let ends = ends
        .list_offsets(wanted.collect(), Isolation::ReadUncommitted)
        .await;
    positions.iter().all(|(partition, position)| {
        let end = ends.get(partition);
        matches!(end, Some(Ok(end)) if end.offset <= *position)
    })
}
