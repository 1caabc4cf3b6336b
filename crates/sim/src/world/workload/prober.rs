//! The client that asks for earliest and latest offsets, whoever leads.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{IfMissing, Isolation, OffsetSpec, TopicPartition};
use ottla_platform::sim::chance;
use tokio::time::sleep;

use super::reach::{REST, connect};
use crate::history::{Bound, Event};
use crate::world::shared::{Shared, TOPIC, any_partition, name};

/// Longest pause between two questions.
const PAUSE_MS_MAX: u64 = 200;

/// Asks until everything is written.
pub(super) async fn ask(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    while shared.goal().is_none() {
        let partition = any_partition();
        let (bound, spec) = match chance(|random| random.chance(1, 4)) {
            true => (Bound::Start, OffsetSpec::Earliest),
            false => (Bound::End, OffsetSpec::Latest),
        };
        let (question, asked) = (shared.new_question(), shared.standing(partition));
        let asks = Event::Asks {
            partition: name(partition),
            bound,
            question,
        };
        shared.was_shown(partition, asked, asks);
        let wanted = BTreeMap::from([(TopicPartition::new(TOPIC, partition), spec)]);
        let answers = client.admin();
        let answers = answers
            .list_offsets(wanted, Isolation::ReadUncommitted)
            .await;
        for found in answers.into_values().flatten() {
            let told = Event::Told {
                partition: name(partition),
                bound,
                question,
                offset: found.offset,
            };
            shared.was_shown(partition, asked, told);
            shared.committed(partition, found.offset, asked);
        }
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    Ok(())
}
