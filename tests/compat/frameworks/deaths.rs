//! Brokers that are killed and come back.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_client::admin::NewTopic;
use ottla_tests::{Cluster, Kind, Settings};
use tokio::time::sleep;

pub(crate) const BROKERS: usize = 3;
/// How long a broker is away.
const AWAY: Duration = Duration::from_secs(2);
/// How long replicas may take to keep up again.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);

/// Three brokers that acknowledge what two have.
pub(crate) fn start(kind: Kind) -> Cluster {
    let settings = Settings::default()
        .with("group.initial.rebalance.delay.ms", "0")
        .with("min.insync.replicas", "2")
        .with("offsets.topic.num.partitions", "6")
        .with("transaction.state.log.num.partitions", "6");
    Cluster::start_of(kind, BROKERS, settings).unwrap_or_else(|reason| panic!("{reason}"))
}

pub(crate) async fn create_topic(client: &Client, name: &str, partitions: i32) {
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(3),
        ..NewTopic::default()
    };
    let created = client.admin().create_topics(&[topic], false).await;
    let created = created.and_then(|mut outcomes| outcomes.remove(0));
    created.unwrap_or_else(|error| panic!("cannot create {name}: {error}"));
}

/// Kills a broker, has it back, and waits until these topics are in sync again.
pub(crate) async fn kill(cluster: &mut Cluster, index: usize, client: &Client, topics: &[&str]) {
    tokio::task::block_in_place(|| cluster.brokers()[index].kill());
    sleep(AWAY).await;
    tokio::task::block_in_place(|| cluster.brokers()[index].resume())
        .unwrap_or_else(|reason| panic!("{reason}"));
    for topic in topics {
        wait_until_in_sync(client, topic).await;
    }
}

async fn wait_until_in_sync(client: &Client, name: &str) {
    let began = Instant::now();
    loop {
        let topic = client.admin().describe_topic(name).await;
        let is_whole = topic.as_ref().is_ok_and(|topic| {
            let mut partitions = topic.partitions.iter();
            partitions.all(|one| one.in_sync.len() == BROKERS)
        });
        if is_whole {
            return;
        }
        assert!(began.elapsed() < IN_SYNC_WITHIN, "{name}: {topic:?}");
        sleep(Duration::from_millis(50)).await;
    }
}
