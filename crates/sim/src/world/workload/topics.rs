//! The client that makes topics, writes to them, and deletes them.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::admin::NewTopic;
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use ottla_platform::sim::{SimClock, chance};
use tokio::time::sleep;

use super::begin::in_the_end;
use super::reach::{REST, connect};
use crate::world::shared::{Phase, Shared};

/// Longest pause between two topics.
const PAUSE_MS_MAX: u64 = 3_000;
/// How long a record may take before it is given up.
const DELIVERY_MAX: Duration = Duration::from_secs(5);

/// Makes topics until nothing is broken any more, and one then.
pub(super) async fn come_and_go(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    let mut number = 0;
    while shared.phase() != Phase::Healed {
        number += 1;
        let name = format!("temporary-{number}");
        create(&client, &name).await;
        write(&client, &name).await;
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
        // a topic may stay: its deletion is lost with the request
        let deleted = client.admin().delete_topics(&[&name]).await;
        tracing::debug!(?deleted, "a topic is deleted");
    }
    let last = async {
        while !create(&client, "last").await || !write(&client, "last").await {
            sleep(REST).await;
        }
    };
    in_the_end(&shared, "a topic is made and written to", last).await;
    Ok(())
}

/// Whether it is there.
async fn create(client: &Client, name: &str) -> bool {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(1),
        ..NewTopic::default()
    };
    let created = client.admin().create_topics(&[topic], false).await;
    let created = format!("{created:?}");
    created.contains("Ok([Ok(") || created.contains("TopicAlreadyExists")
}

/// Whether a record was taken.
async fn write(client: &Client, name: &str) -> bool {
    let config = ProducerConfig {
        delivery_timeout: DELIVERY_MAX,
        create_topics: false,
        clock: Arc::new(SimClock::default()),
        ..ProducerConfig::default()
    };
    let producer = Producer::new(client, config);
    let record = ProducerRecord {
        topic: name,
        value: Some(b"0"),
        ..ProducerRecord::default()
    };
    match producer.send(record).await {
        Ok(delivery) => delivery.wait().await.is_ok(),
        Err(_) => false,
    }
}
