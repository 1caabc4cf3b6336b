//! From a fault of a leader to the next acknowledged write to its partitions.

use std::time::{Duration, Instant};

use ottla_client::admin::NewTopic;
use ottla_client::{Client, Producer, ProducerConfig};
use ottla_tests::Cluster;
use ottla_tests::client::connect_to;
use tokio::time::sleep;

use crate::times::Times;
use crate::writers::{TOPIC, Writers, write};
use crate::{BROKERS, Options};

/// Between two faults.
const REST: Duration = Duration::from_secs(2);
/// How long a paused broker is paused, at least.
const PAUSED: Duration = Duration::from_secs(5);
/// How long partitions may take to have all their replicas, or their leader, again.
const RECOVERED_WITHIN: Duration = Duration::from_secs(60);

/// Kills each broker in turn; when it is back, its partitions are handed over to it again.
pub(crate) async fn measure(cluster: &mut Cluster, options: &Options) -> Result<(), String> {
    let client = connect_to(&cluster.bootstrap()).await;
    create(&client, options.partitions).await?;
    let writers = Writers::start(&client, options.partitions);
    let (mut kills, mut transfers) = (Times::default(), Times::default());
    for round in 0..options.rounds {
        let index = round % BROKERS;
        sleep(REST).await;
        let led = led_by(&client, index).await?;
        writers.watch();
        cluster.brokers()[index].kill();
        for partition in &led {
            kills.add(writers.until_next(*partition).await);
        }
        tokio::task::block_in_place(|| cluster.brokers()[index].resume())?;
        recovered(&client, |topic| {
            topic
                .partitions
                .iter()
                .all(|it| it.in_sync.len() == BROKERS)
        })
        .await?;
        sleep(REST).await;
        writers.watch();
        let (_, failed) = client
            .admin()
            .elect_preferred_leaders()
            .await
            .map_err(text)?;
        if let Some(error) = failed.first() {
            return Err(format!("no election: {error}"));
        }
        while led_by(&client, index).await?.len() < led.len() {
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_millis(200)).await;
        for partition in &led {
            transfers.add(writers.longest_silence(*partition));
        }
    }
    writers.finish().await;
    println!(
        "{}",
        kills.line("kill -9 of a leader to the next acknowledged write")
    );
    println!(
        "{}",
        transfers.line("the longest without an acknowledged write when leadership is handed over")
    );
    Ok(())
}

/// Pauses each broker in turn: until others lead, for whoever asks them, and for a client that waits for
/// the paused one.
pub(crate) async fn measure_pauses(cluster: &mut Cluster, options: &Options) -> Result<(), String> {
    let client = connect_to(&cluster.bootstrap()).await;
    create(&client, options.partitions).await?;
    let writers = Writers::start(&client, options.partitions);
    let (mut others, mut waiting) = (Times::default(), Times::default());
    for round in 0..options.pauses {
        let index = round % BROKERS;
        sleep(REST).await;
        let led = led_by(&client, index).await?;
        let Some(first) = led.first() else {
            continue;
        };
        let first = i32::try_from(*first).expect("there are few partitions");
        let other = cluster.brokers()[(index + 1) % BROKERS].bootstrap();
        let asking = connect_to(&other).await;
        writers.watch();
        let began = Instant::now();
        cluster.brokers()[index].pause();
        others.add(served_by_others(&asking, index, first, began).await?);
        sleep(PAUSED.saturating_sub(began.elapsed())).await;
        for partition in &led {
            waiting.add(writers.until_next(*partition).await);
        }
        cluster.brokers()[index].unpause();
        recovered(&client, |topic| {
            topic
                .partitions
                .iter()
                .all(|it| it.in_sync.len() == BROKERS)
        })
        .await?;
        client
            .admin()
            .elect_preferred_leaders()
            .await
            .map_err(text)?;
    }
    writers.finish().await;
    println!(
        "{}",
        others.line("SIGSTOP of a leader until another acknowledges a write")
    );
    println!(
        "{}",
        waiting.line(
            "the same for a client that waits for the paused one (request.timeout.ms is 30 s)"
        )
    );
    Ok(())
}

/// Asks another broker who leads until it is not the paused one, and writes there.
async fn served_by_others(
    client: &Client,
    paused: usize,
    partition: i32,
    began: Instant,
) -> Result<Duration, String> {
    let number = usize::try_from(partition).expect("partitions count from zero");
    let paused = i32::try_from(paused + 1).expect("brokers are few");
    loop {
        let topic = client.admin().describe_topic(TOPIC).await.map_err(text)?;
        // Whoever is told of no leader is soon told of the paused one, perhaps.
        if topic.partitions[number]
            .leader
            .is_some_and(|leader| leader.0 != paused)
        {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
    // Whoever asks for a producer id may ask the paused broker.
    let config = ProducerConfig {
        idempotent: false,
        ..ProducerConfig::default()
    };
    let producer = Producer::new(client, config);
    write(&producer, partition).await;
    Ok(began.elapsed())
}

async fn create(client: &Client, partitions: i32) -> Result<(), String> {
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(3),
        ..NewTopic::default()
    };
    let created = client.admin().create_topics(&[topic], false).await;
    let created = created.and_then(|mut outcomes| outcomes.remove(0));
    created.map_err(|error| format!("cannot create {TOPIC}: {error}"))?;
    recovered(client, |topic| {
        topic.partitions.iter().all(|it| it.leader.is_some())
    })
    .await
}

/// The partitions that this broker leads, as any other says.
async fn led_by(client: &Client, index: usize) -> Result<Vec<usize>, String> {
    let topic = client.admin().describe_topic(TOPIC).await.map_err(text)?;
    let node = i32::try_from(index + 1).expect("brokers are few");
    let led = topic.partitions.iter().enumerate();
    let led = led.filter(|(_, it)| it.leader.is_some_and(|leader| leader.0 == node));
    Ok(led.map(|(number, _)| number).collect())
}

async fn recovered(
    client: &Client,
    is_so: impl Fn(&ottla_client::cluster::Topic) -> bool,
) -> Result<(), String> {
    let began = Instant::now();
    loop {
        let topic = client.admin().describe_topic(TOPIC).await;
        if topic.as_ref().is_ok_and(|topic| is_so(topic)) {
            return Ok(());
        }
        if began.elapsed() > RECOVERED_WITHIN {
            return Err(format!("{TOPIC} has not recovered: {topic:?}"));
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
