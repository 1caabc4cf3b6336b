//! A leader that dies or stops, until somebody acknowledges a write again.

use std::time::{Duration, Instant};

use ottla_client::cluster::Topic;
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use ottla_tests::client::connect_to;
use tokio::time::sleep;

use super::TOPIC;
use crate::brokers::Brokers;
use crate::figures::{Figure, Turn, less};
use crate::latencies::Latencies;
use crate::load::topics::{create, wait_until};

const KILLED: Figure = less("kill -9 to the next acknowledged write, median, s");
const PAUSED: Figure = less("SIGSTOP to a new leader in metadata, median, s");

const KILLS: usize = 3;
const PAUSES: usize = 2;
/// Between two faults.
const REST: Duration = Duration::from_secs(2);

pub(crate) async fn measure(brokers: &mut Brokers) -> Result<Turn, String> {
    let client = brokers.connect().await;
    create(&client, TOPIC, 1, &[]).await;
    let all = brokers.all().len();
    let have_all = move |topic: &Topic| topic.partitions[0].in_sync.len() == all;
    let config = ProducerConfig {
        linger: Duration::ZERO,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(&client, config);
    let (mut killed, mut paused) = (Latencies::default(), Latencies::default());
    for _ in 0..KILLS {
        write(&producer).await;
        sleep(REST).await;
        let leader = leader(&client).await?;
        let begun = Instant::now();
        brokers.of_number(leader).kill();
        write(&producer).await;
        killed.add(begun.elapsed());
        tokio::task::block_in_place(|| brokers.of_number(leader).resume())?;
        wait_until(&client, TOPIC, have_all).await;
    }
    for _ in 0..PAUSES {
        sleep(REST).await;
        let leader = leader(&client).await?;
        let others = brokers.of_number(leader % 3 + 1).bootstrap();
        let asking = connect_to(&others).await;
        let begun = Instant::now();
        brokers.of_number(leader).pause();
        let is_new = |topic: &Topic| {
            let now = topic.partitions[0].leader;
            now.is_some_and(|now| now.0 != leader)
        };
        wait_until(&asking, TOPIC, is_new).await;
        paused.add(begun.elapsed());
        brokers.of_number(leader).unpause();
        wait_until(&asking, TOPIC, have_all).await;
        Client::close(&asking);
    }
    Client::close(&client);
    let mut turn = Turn::new();
    for (figure, times) in [(KILLED, &mut killed), (PAUSED, &mut paused)] {
        let median = times.at_permille(500);
        turn.extend(median.map(|it| (figure, it / 1_000.0)));
    }
    Ok(turn)
}

async fn leader(client: &Client) -> Result<i32, String> {
    let topic = client.admin().describe_topic(TOPIC).await;
    let topic = topic.map_err(|error| error.to_string())?;
    let leader = topic.partitions[0].leader.ok_or("no leader")?;
    Ok(leader.0)
}

/// Writes one record, however long it takes.
async fn write(producer: &Producer) {
    let record = ProducerRecord {
        topic: TOPIC,
        partition: Some(0),
        value: Some(b"a record"),
        ..ProducerRecord::default()
    };
    let outcome = async { producer.send(record).await?.wait().await };
    if let Err(error) = outcome.await {
        panic!("{TOPIC}: {error}");
    }
}
