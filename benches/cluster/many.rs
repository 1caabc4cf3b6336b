//! Many topics of one partition with three replicas: their creation, what they cost idle brokers, and how
//! soon they are led again when a broker dies.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_client::admin::NewTopic;
use ottla_tests::Cluster;
use ottla_tests::client::connect_to;
use ottla_tests::process::Usage;
use tokio::time::sleep;

use crate::times::milliseconds;
use crate::{BROKERS, Options};

/// Topics in one request.
const TOPICS_PER_REQUEST: usize = 100;
/// How long brokers may come to rest before they are watched.
const SETTLE: Duration = Duration::from_secs(20);
/// How often it is asked who leads.
const LOOK: Duration = Duration::from_millis(20);
/// The broker that dies.
const VICTIM: usize = 0;

/// Takes all these figures.
pub(crate) async fn measure(cluster: &mut Cluster, options: &Options) -> Result<(), String> {
    let client = connect_to(&cluster.bootstrap()).await;
    let begun = Instant::now();
    create(&client, options.topics).await?;
    while led(&client, None).await? < options.topics {
        sleep(LOOK).await;
    }
    println!(
        "{} topics with three replicas created and led: {} ms",
        options.topics,
        milliseconds(begun.elapsed())
    );
    Client::close(&client);
    sleep(SETTLE).await;
    let before = usages(cluster)?;
    let watched = Duration::from_secs(options.idle_seconds);
    sleep(watched).await;
    for (number, (after, before)) in (1..).zip(usages(cluster)?.iter().zip(&before)) {
        let cpu = after.cpu.saturating_sub(before.cpu);
        println!(
            "broker {number} idle: {:.2} % of a core, {} MiB resident, {} MiB of it its own",
            100.0 * cpu.as_secs_f64() / watched.as_secs_f64(),
            after.resident_bytes >> 20,
            after.anonymous_bytes >> 20
        );
    }
    let others = cluster.brokers()[(VICTIM + 1) % BROKERS].bootstrap();
    let client = connect_to(&others).await;
    let all = led(&client, None).await?;
    let orphans = all - led(&client, Some(VICTIM)).await?;
    let begun = Instant::now();
    cluster.brokers()[VICTIM].kill();
    while led(&client, Some(VICTIM)).await? < all {
        sleep(LOOK).await;
    }
    println!(
        "a broker that led {orphans} dies: all are led by others after {} ms",
        milliseconds(begun.elapsed())
    );
    Ok(())
}

fn usages(cluster: &mut Cluster) -> Result<Vec<Usage>, String> {
    cluster.brokers().iter().map(|it| it.usage()).collect()
}

async fn create(client: &Client, count: usize) -> Result<(), String> {
    let topic = |number| NewTopic {
        name: format!("one-of-many-{number}"),
        partitions: Some(1),
        replication_factor: Some(3),
        ..NewTopic::default()
    };
    let topics: Vec<NewTopic> = (0..count).map(topic).collect();
    for request in topics.chunks(TOPICS_PER_REQUEST) {
        let outcomes = client.admin().create_topics(request, false).await;
        let outcomes = outcomes.map_err(|error| format!("cannot create topics: {error}"))?;
        for outcome in outcomes {
            outcome.map_err(|error| format!("cannot create a topic: {error}"))?;
        }
    }
    Ok(())
}

/// The partitions with a leader, which is not this broker.
async fn led(client: &Client, except: Option<usize>) -> Result<usize, String> {
    let topics = client.admin().list_topics().await;
    let topics = topics.map_err(|error| format!("cannot list topics: {error}"))?;
    let except = except.map(|index| i32::try_from(index + 1).expect("brokers are few"));
    let leaders = topics.iter().flat_map(|topic| &topic.partitions);
    let leaders = leaders.filter_map(|partition| partition.leader);
    Ok(leaders.filter(|leader| Some(leader.0) != except).count())
}
