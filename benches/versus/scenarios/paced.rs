//! One record a request.

use std::time::Duration;

use ottla_client::{Client, TopicPartition};

use super::{TOPIC, WARM_UP, add_latencies};
use crate::brokers::{Brokers, Watched};
use crate::figures::{Figure, Turn, less, more};
use crate::load::paced::{Pace, one_by_one};
use crate::load::reading::follow;
use crate::load::topics::create;

const REQUESTS: Figure = more("requests/s");
const REQUEST_CPU: Figure = less("CPU, µs/request");
const RECORD_CPU: Figure = less("CPU, µs/record");

const WARM_UP_LASTS: Duration = Duration::from_secs(5);
const LASTS: Duration = Duration::from_secs(10);

/// As many as go, five under way.
pub(crate) async fn single(brokers: &Brokers) -> Result<Turn, String> {
    const RECORDS: u64 = 100_000;
    let client = brokers.connect().await;
    for topic in [WARM_UP, TOPIC] {
        create(&client, topic, 1, &[]).await;
    }
    let value = [b'v'; 100];
    one_by_one(&client, WARM_UP, RECORDS / 2, &value).await;
    let load = async {
        one_by_one(&client, TOPIC, RECORDS, &value).await;
        Ok(())
    };
    let ((), watched) = brokers.watch(load).await?;
    Client::close(&client);
    Ok(vec![
        (REQUESTS, RECORDS as f64 / watched.took.as_secs_f64()),
        (REQUEST_CPU, cpu_micros(&watched, RECORDS)),
    ])
}

/// So many a second.
pub(crate) async fn paced(brokers: &Brokers, per_second: u32) -> Result<Turn, String> {
    let pace = Pace {
        partitions: 6,
        record_bytes: 100,
        per_second,
        lasts: LASTS,
    };
    let client = brokers.connect().await;
    for topic in [WARM_UP, TOPIC] {
        create(&client, topic, pace.partitions, &[]).await;
    }
    let warm_up = Pace {
        lasts: WARM_UP_LASTS,
        ..pace
    };
    warm_up.send(&client, WARM_UP, warm_up.schedule()).await;
    let load = async { Ok(pace.send(&client, TOPIC, pace.schedule()).await) };
    let (mut latencies, watched) = brokers.watch(load).await?;
    Client::close(&client);
    let mut turn = vec![(REQUEST_CPU, cpu_micros(&watched, pace.records()))];
    add_latencies(&mut turn, &mut latencies);
    Ok(turn)
}

/// From producer to consumer.
pub(crate) async fn end_to_end(brokers: &Brokers) -> Result<Turn, String> {
    let pace = Pace {
        partitions: 1,
        record_bytes: 100,
        per_second: 1_000,
        lasts: LASTS,
    };
    let client = brokers.connect().await;
    create(&client, TOPIC, pace.partitions, &[]).await;
    let warm_up = Pace {
        lasts: WARM_UP_LASTS,
        ..pace
    };
    through(&client, warm_up, 0).await;
    let load = async { Ok(through(&client, pace, warm_up.records()).await) };
    let (mut latencies, watched) = brokers.watch(load).await?;
    Client::close(&client);
    let mut turn = vec![(RECORD_CPU, cpu_micros(&watched, pace.records()))];
    add_latencies(&mut turn, &mut latencies);
    Ok(turn)
}

/// How long each record took that was sent at this pace, from the offset on that the first gets.
async fn through(client: &Client, pace: Pace, from: u64) -> crate::latencies::Latencies {
    let schedule = pace.schedule();
    let partition = TopicPartition::new(TOPIC, 0);
    let from = i64::try_from(from).expect("there are few records");
    let following = follow(client.clone(), partition, from, pace.records(), schedule);
    let following = tokio::spawn(following);
    pace.send(client, TOPIC, schedule).await;
    following.await.expect("a reader does not panic")
}

fn cpu_micros(watched: &Watched, count: u64) -> f64 {
    watched.cpu.as_secs_f64() * 1e6 / count as f64
}
