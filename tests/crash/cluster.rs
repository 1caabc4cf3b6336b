//! The rounds of three brokers: load, one is killed or stopped in order, it comes back, check.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_client::admin::NewTopic;
use ottla_platform::seed::Random;
use ottla_tests::Cluster;
use ottla_tests::client::{connect_to, end_offsets};

use crate::check::Checker;
use crate::load::{Book, Load};
use crate::readers::Readers;
use crate::run::{PARTITIONS, Plan, SEGMENT, TOPIC, pause, read_all};

pub(crate) const BROKERS: usize = 3;
/// The longest that a broker is away.
const AWAY_MS_MAX: u64 = 2_000;
/// How long replicas may take to keep up again.
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);

/// How a broker goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    /// kill -9.
    Killed,
    /// SIGTERM: others lead before it stops.
    InOrder,
}

/// Has each broker go in turn, under load, and fails on the first thing amiss.
pub(crate) fn run(plan: &Plan, departure: Departure) {
    println!(
        "{BROKERS} brokers, {departure:?}, {} rounds, OTTLA_CRASH_SEED={}",
        plan.rounds, plan.seed
    );
    tokio::runtime::Runtime::new()
        .expect("a runtime can be started")
        .block_on(run_rounds(plan, departure));
}

async fn run_rounds(plan: &Plan, departure: Departure) {
    let mut random = Random::new(plan.seed);
    let cluster = Cluster::start(BROKERS, plan.settings.clone());
    let mut cluster = cluster.unwrap_or_else(|reason| panic!("{reason}"));
    let client = connect_to(&cluster.bootstrap()).await;
    create_topic(&client).await;
    let book = Book::default();
    let mut checker = Checker::new(TOPIC, PARTITIONS, plan.seed);
    let lasting = Load::start(&client, TOPIC, PARTITIONS, plan, &book);
    let mut readers = plan
        .judged_by_java
        .then(|| Readers::start(&cluster.bootstrap(), TOPIC, plan.seed));
    for round in 1..=plan.rounds {
        pause(&mut random, 1_000).await;
        let index = usize::try_from(round).expect("rounds are few") % BROKERS;
        book.watch();
        let left = Instant::now();
        let broker = &mut cluster.brokers()[index];
        tokio::task::block_in_place(|| match departure {
            Departure::Killed => broker.kill(),
            Departure::InOrder => {
                let stopped = broker.terminate();
                stopped.unwrap_or_else(|reason| panic!("{reason}"));
            }
        });
        let stopping = left.elapsed();
        pause(&mut random, AWAY_MS_MAX).await;
        tokio::task::block_in_place(|| cluster.brokers()[index].resume())
            .unwrap_or_else(|reason| panic!("{reason}"));
        wait_until_in_sync(&client).await;
        let longest = book.longest_silence();
        let ends = end_offsets(&client, TOPIC, PARTITIONS).await;
        checker.read_to(&client, &ends).await;
        readers.iter_mut().for_each(Readers::expect_to_run);
        println!(
            "round {round}: broker {} gone within {stopping:?}, a partition took nothing for {longest:?} at \
             most, ends {ends:?}",
            index + 1
        );
    }
    lasting.finish().await;
    let ends = end_offsets(&client, TOPIC, PARTITIONS).await;
    checker.read_to(&client, &ends).await;
    checker.expect(&book.copy());
    if let Some(readers) = readers {
        tokio::task::block_in_place(|| readers.finish(&ends));
    }
    for broker in cluster.brokers() {
        let restarted = tokio::task::block_in_place(|| broker.restart());
        restarted.unwrap_or_else(|reason| panic!("after a clean stop: {reason}"));
    }
    read_all(&client, plan, &book).await;
}

async fn create_topic(client: &Client) {
    let (key, value) = SEGMENT;
    let topic = NewTopic {
        name: TOPIC.to_owned(),
        partitions: Some(PARTITIONS),
        replication_factor: Some(3),
        configs: [(key.to_owned(), value.to_owned())].into(),
        ..NewTopic::default()
    };
    let created = client.admin().create_topics(&[topic], false).await;
    let created = created.and_then(|mut outcomes| outcomes.remove(0));
    created.unwrap_or_else(|error| panic!("cannot create {TOPIC}: {error}"));
}

/// Waits until all replicas of all partitions keep up.
pub(crate) async fn wait_until_in_sync(client: &Client) {
    let began = Instant::now();
    loop {
        let topic = client.admin().describe_topic(TOPIC).await;
        let all = |topic: &ottla_client::cluster::Topic| {
            topic
                .partitions
                .iter()
                .all(|one| one.in_sync.len() == BROKERS)
        };
        if topic.as_ref().is_ok_and(|topic| all(topic)) {
            return;
        }
        assert!(
            began.elapsed() < IN_SYNC_WITHIN,
            "not all in sync: {topic:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
