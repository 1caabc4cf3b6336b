//! What compaction takes: a table whose rows were each written ten times.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_client::admin::{ConfigChange, ConfigOperation, ConfigResource};
use tokio::time::sleep;

use super::{TOPIC, WARM_UP, mib};
use crate::brokers::Brokers;
use crate::figures::{Figure, Turn, less, more};
use crate::load::bulk::Bulk;
use crate::load::topics::create;

const SPEED: Figure = more("compact, MiB/s");
const CPU: Figure = less("compact, CPU s/GiB");
const LEFT: Figure = less("what is left of it, %");

/// What a broker is told, so that it begins at once.
pub(crate) const SETTINGS: &[(&str, &str)] = &[("log.cleaner.backoff.ms", "100")];

const CONFIGS: &[(&str, &str)] = &[
    ("segment.bytes", "67108864"),
    ("min.cleanable.dirty.ratio", "0.01"),
];
const LOOK: Duration = Duration::from_millis(20);
/// So long after the last change of its files a topic is cleaned. One segment takes less.
const STILL: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) async fn measure(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk {
        partitions: 1,
        keys: Some(100_000),
        ..Bulk::of_gib(1.0)
    };
    let client = brokers.connect().await;
    clean(brokers, &client, WARM_UP, load.part(0.5)).await?;
    let turn = clean(brokers, &client, TOPIC, load).await;
    Client::close(&client);
    turn
}

async fn clean(
    brokers: &Brokers,
    client: &Client,
    topic: &str,
    load: Bulk,
) -> Result<Turn, String> {
    create(client, topic, load.partitions, CONFIGS).await;
    load.send(client, topic).await;
    let held = || brokers.held_bytes(topic, load.partitions);
    let (whole, begun, before) = (held(), Instant::now(), brokers.usage()?);
    let compacted = ConfigChange {
        name: "cleanup.policy".to_owned(),
        operation: ConfigOperation::Set("compact".to_owned()),
    };
    let resource = ConfigResource::Topic(topic.to_owned());
    let (admin, changes) = (client.admin(), [compacted]);
    let changed = admin.alter_configs(&resource, &changes, false).await;
    changed.map_err(|error| error.to_string())?;
    let (mut left, mut changed, mut after) = (whole, begun, before);
    while left == whole || changed.elapsed() < STILL {
        if changed.elapsed() > PATIENCE {
            return Err(format!("{topic} is not compacted after {PATIENCE:?}"));
        }
        sleep(LOOK).await;
        let now = held();
        if now != left {
            (left, changed, after) = (now, Instant::now(), brokers.usage()?);
        }
    }
    let took = changed.duration_since(begun).as_secs_f64();
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    Ok(vec![
        (SPEED, mib(whole) / took),
        (CPU, cpu / (mib(whole) / 1024.0)),
        (LEFT, 100.0 * mib(left) / mib(whole)),
    ])
}
