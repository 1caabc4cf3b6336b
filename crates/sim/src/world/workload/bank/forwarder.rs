//! Consumes what is committed to the first account and produces a copy of it, with how far it has come, in
//! transactions. Whoever begins anew goes on where the last transaction that was committed ended.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{
    Client, Consumer, ConsumerConfig, IfMissing, Isolation, StartFrom, TopicPartition,
};
use ottla_platform::sim::chance;
use tokio::time::{Instant, sleep, timeout};

use super::super::begin::LAST_MAX;
use super::super::reach::{REST, connect};
use super::super::value_of;
use super::accounts::{BANK, COPY, GROUP, create, is_all};
use super::transaction::{Ended, Level, Producer};
use crate::world::shared::Shared;

/// How long a fetch may find nothing before it is looked whether that is all.
const LOOK: Duration = Duration::from_millis(500);

/// Copies until everything is copied that bankers have committed.
pub(in crate::world) async fn forward(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    create(&client, COPY, 1, shared.replication_factor()).await;
    while client.topic(BANK, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    let mut ends_at = None;
    loop {
        let level = match chance(|random| random.chance(1, 3)) {
            true => Level::One,
            false => Level::Two,
        };
        if live_once(&shared, &client, level).await == Some(Done) {
            shared.forwarder_is_done();
            return Ok(());
        }
        if shared.bankers_are_done()
            && Instant::now() > *ends_at.get_or_insert_with(|| Instant::now() + 2 * LAST_MAX)
        {
            shared.stuck("not all that is committed is copied in transactions".to_owned());
            return Ok(());
        }
        sleep(REST).await;
    }
}

#[derive(PartialEq, Eq)]
struct Done;

/// From where the group is, until something fails or there is nothing left.
async fn live_once(shared: &Shared, client: &Client, level: Level) -> Option<Done> {
    // It fences who was before, so that nothing is committed after it has asked where to begin.
    let mut producer = Producer::begin(client, GROUP, level).await?;
    let from = TopicPartition::new(BANK, 0);
    let committed = client.admin().group_offsets(GROUP).await.ok()?;
    let mut position = match committed.get(&from) {
        Some(Ok(committed)) => committed.offset,
        Some(Err(_)) => return None,
        None => 0,
    };
    let start = match position {
        0 => StartFrom::Earliest,
        at => StartFrom::Offset(at),
    };
    let config = ConsumerConfig {
        isolation: Isolation::ReadCommitted,
        ..ConsumerConfig::default()
    };
    let mut consumer = Consumer::new(client, config, [(from.clone(), start)]);
    loop {
        let are_done = shared.bankers_are_done();
        let Ok(fetched) = timeout(LOOK, consumer.next()).await else {
            let positions = BTreeMap::from([(from.clone(), position)]);
            match are_done && is_all(client, &positions).await {
                true => return Some(Done),
                false => continue,
            }
        };
        let fetched = fetched.ok()?;
        for record in fetched.records() {
            let value = value_of(record.ok()?.value.as_deref().unwrap_or_default());
            producer.write(COPY, 0, &value.to_string()).await.ok()?;
        }
        position = fetched.next_offset;
        producer.commit_offset(GROUP, BANK, position).await.ok()?;
        let commits = chance(|random| random.chance(5, 6));
        // It may die in between.
        if chance(|random| random.chance(1, 20)) {
            return None;
        }
        if producer.end(commits).await? == Ended::Refused || !commits {
            return None;
        }
    }
}
