//! The client that commits a group's offsets, and asks for them.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::admin::CommittedOffset;
use ottla_client::{Client, TopicPartition};
use ottla_platform::sim::chance;
use tokio::time::sleep;

use super::begin::in_the_end;
use super::reach::{REST, connect};
use crate::history::Event;
use crate::world::shared::{Phase, Shared, TOPIC, any_partition, name};

const GROUP: &str = "g";
/// Longest pause between two requests.
const PAUSE_MS_MAX: u64 = 400;

/// Commits until nothing is broken any more, and once then.
pub(super) async fn commit(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    let mut next = 1;
    while shared.phase() != Phase::Healed {
        match chance(|random| random.chance(1, 3)) {
            true => ask(&shared, &client).await,
            false => _ = take(&shared, &client, &mut next).await,
        }
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    let last = async {
        while !take(&shared, &client, &mut next).await {
            sleep(REST).await;
        }
    };
    in_the_end(&shared, "a group commits an offset", last).await;
    ask(&shared, &client).await;
    Ok(())
}

/// Commits an offset that is larger than all before; whether it was acknowledged.
async fn take(shared: &Shared, client: &Client, next: &mut i64) -> bool {
    let (partition, offset) = (any_partition(), *next);
    *next += 1;
    shared.saw(Event::Commits {
        partition: name(partition),
        offset,
    });
    let of = TopicPartition::new(TOPIC, partition);
    let offsets = BTreeMap::from([(of.clone(), CommittedOffset::new(offset))]);
    let told = client.admin().commit_group_offsets(GROUP, &offsets).await;
    let is_done = told.is_ok_and(|told| matches!(told.get(&of), Some(Ok(()))));
    if is_done {
        shared.saw(Event::Committed {
            partition: name(partition),
            offset,
        });
    }
    is_done
}

async fn ask(shared: &Shared, client: &Client) {
    let (partition, question) = (any_partition(), shared.new_question());
    shared.saw(Event::AsksCommitted {
        partition: name(partition),
        question,
    });
    let Ok(told) = client.admin().group_offsets(GROUP).await else {
        return;
    };
    let offset = match told.get(&TopicPartition::new(TOPIC, partition)) {
        Some(Ok(committed)) => Some(committed.offset),
        Some(Err(_)) => return,
        None => None,
    };
    shared.saw(Event::ToldCommitted {
        partition: name(partition),
        question,
        offset,
    });
}
