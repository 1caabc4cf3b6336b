//! The client that deletes records from the front, as DeleteRecords does.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{IfMissing, Isolation, OffsetSpec, TopicPartition};
use ottla_platform::sim::chance;
use tokio::time::sleep;

use super::reach::{REST, connect};
use crate::history::Event;
use crate::world::shared::{Phase, Shared, TOPIC, any_partition, name};

/// Longest pause between two deletions.
const PAUSE_MS_MAX: u64 = 4_000;

/// Deletes until nothing is broken any more.
pub(super) async fn trim(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    while shared.phase() != Phase::Healed {
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
        let partition = any_partition();
        let of = TopicPartition::new(TOPIC, partition);
        let asked = BTreeMap::from([(of.clone(), OffsetSpec::Latest)]);
        let admin = client.admin();
        let ends = admin.list_offsets(asked, Isolation::ReadUncommitted).await;
        let Some(Ok(end)) = ends.get(&of) else {
            continue;
        };
        let offset = chance(|random| random.below(end.offset.unsigned_abs() + 1));
        let offset = i64::try_from(offset).expect("at most the end");
        let asked = shared.standing(partition);
        shared.saw(Event::Trims {
            partition: name(partition),
            offset,
        });
        let deleted = admin.delete_records(BTreeMap::from([(of, offset)])).await;
        for start in deleted.into_values().flatten() {
            let trimmed = Event::Trimmed {
                partition: name(partition),
                offset: start,
            };
            shared.was_shown(partition, asked, trimmed);
        }
    }
    Ok(())
}
