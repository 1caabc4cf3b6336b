//! The client that asks for latest offsets, whoever leads.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{IfMissing, Isolation, OffsetSpec, TopicPartition};
use ottla_platform::sim::chance;
use tokio::time::sleep;

use super::clients::{REST, connect};
use super::shared::{PARTITIONS, Shared, TOPIC, name};
use crate::history::Event;

/// Longest pause between two questions.
const PAUSE_MS_MAX: u64 = 200;

/// Asks until everything is written.
pub(super) async fn ask(shared: Shared) -> turmoil::Result {
    let client = connect().await;
    while client.topic(TOPIC, IfMissing::Fail).await.is_err() {
        sleep(REST).await;
    }
    let mut question = 0;
    while shared.goal().is_none() {
        let partition = chance(|random| random.below(PARTITIONS.unsigned_abs().into()));
        let partition = i32::try_from(partition).expect("a few");
        question += 1;
        shared.saw(Event::Asks {
            partition: name(partition),
            question,
        });
        let asked = BTreeMap::from([(TopicPartition::new(TOPIC, partition), OffsetSpec::Latest)]);
        let answers = client.admin();
        let answers = answers
            .list_offsets(asked, Isolation::ReadUncommitted)
            .await;
        for found in answers.into_values().flatten() {
            shared.saw(Event::Told {
                partition: name(partition),
                question,
                offset: found.offset,
            });
            shared.committed(partition, found.offset);
        }
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    Ok(())
}
