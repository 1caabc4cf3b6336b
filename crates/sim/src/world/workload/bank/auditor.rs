//! Reads what is committed, of all accounts and of the copy, until that is everything there is.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{
    Client, Consumer, ConsumerConfig, IfMissing, Isolation, StartFrom, TopicPartition,
};
use tokio::time::{Instant, sleep, timeout};

use super::super::begin::LAST_MAX;
use super::super::reach::{REST, connect};
use super::super::value_of;
use super::accounts::{ACCOUNTS, BANK, COPY, is_all};
use crate::history::Event;
use crate::world::shared::Shared;

/// How often it is looked whether everything is read.
const LOOK: Duration = Duration::from_millis(500);

/// See the file's head.
pub(in crate::world) async fn audit(shared: Shared) -> turmoil::Result {
    let client = connect(&shared).await;
    for topic in [BANK, COPY] {
        while client.topic(topic, IfMissing::Fail).await.is_err() {
            sleep(REST).await;
        }
    }
    let accounts = (0..ACCOUNTS).map(|account| TopicPartition::new(BANK, account));
    let all: Vec<TopicPartition> = accounts.chain([TopicPartition::new(COPY, 0)]).collect();
    let mut positions: BTreeMap<TopicPartition, i64> =
        all.iter().map(|it| (it.clone(), 0)).collect();
    let mut consumer = consume(&client, &positions);
    let mut ends_at = None;
    loop {
        match timeout(LOOK, consumer.next()).await {
            Ok(Ok(fetched)) => {
                let partition = fetched.partition.clone();
                for record in fetched.records() {
                    let record = record.map_err(|error| error.to_string())?;
                    shared.saw(Event::Audited {
                        partition: format!("{}-{}", partition.topic, partition.partition),
                        transaction: value_of(record.value.as_deref().unwrap_or_default()),
                    });
                }
                positions.insert(partition, fetched.next_offset);
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "an account is not read on");
                sleep(REST).await;
                consumer = consume(&client, &positions);
            }
            Err(_nothing) if shared.all_is_transferred() => {
                if is_all(&client, &positions).await {
                    shared.saw(Event::AuditEnds);
                    return Ok(());
                }
                if Instant::now() > *ends_at.get_or_insert_with(|| Instant::now() + LAST_MAX) {
                    shared.unstable(format!(
                        "committed records are read up to {positions:?} only"
                    ));
                    return Ok(());
                }
            }
            Err(_nothing) => {}
        }
    }
}

fn consume(client: &Client, positions: &BTreeMap<TopicPartition, i64>) -> Consumer {
    let config = ConsumerConfig {
        isolation: Isolation::ReadCommitted,
        ..ConsumerConfig::default()
    };
    let start = positions.iter().map(|(partition, position)| {
        let from = match position {
            0 => StartFrom::Earliest,
            at => StartFrom::Offset(*at),
        };
        (partition.clone(), from)
    });
    Consumer::new(client, config, start)
}
