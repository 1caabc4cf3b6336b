//! A broker that begins alone, is joined by two and loses its disk, under load.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ottla_client::admin::CommittedOffset;
use ottla_client::{Client, TopicPartition};
use ottla_tests::Cluster;
use ottla_tests::client::{connect_to, create_topic, end_offsets};

use crate::check::Checker;
use crate::cluster::{BROKERS, wait_until_in_sync};
use crate::load::{Book, Load};
use crate::run::{PARTITIONS, Plan, SEGMENT, TOPIC, read_all};

const GROUP: &str = "began-alone";
/// How long the topic of groups may take to be everywhere.
const GROWN_WITHIN: Duration = Duration::from_secs(60);
/// What of the load everyone has to see.
const A_WHILE: Duration = Duration::from_millis(700);

/// Fails on the first thing amiss.
pub(crate) fn run(plan: &Plan) {
    println!("one broker, then three, OTTLA_CRASH_SEED={}", plan.seed);
    tokio::runtime::Runtime::new()
        .expect("a runtime can be started")
        .block_on(grow(plan));
}

async fn grow(plan: &Plan) {
    let settings = plan.settings.clone();
    let settings = settings.with("offsets.topic.num.partitions", "3");
    let cluster = Cluster::start(1, settings);
    let mut cluster = cluster.unwrap_or_else(|reason| panic!("{reason}"));
    let client = connect_to(&cluster.bootstrap()).await;
    create_topic(&client, TOPIC, PARTITIONS, &[SEGMENT]).await;
    let committed = commit(&client).await;
    let book = Book::default();
    let lasting = Load::start(&client, TOPIC, PARTITIONS, plan, &book);
    tokio::time::sleep(A_WHILE).await;
    book.watch();
    let began = Instant::now();
    for _ in 1..BROKERS {
        tokio::task::block_in_place(|| cluster.join()).unwrap_or_else(|reason| panic!("{reason}"));
    }
    wait_until_grown(&client).await;
    println!(
        "three replicas of all partitions after {:?}, a partition took nothing for {:?} at most",
        began.elapsed(),
        book.longest_silence()
    );
    let mut checker = Checker::new(TOPIC, PARTITIONS, plan.seed);
    // The one that began; then one that has all only from it, or from who had it from it.
    for (index, is_emptied) in [(0, true), (1, false)] {
        book.watch();
        cluster.brokers()[index].kill();
        tokio::time::sleep(A_WHILE).await;
        let ends = end_offsets(&client, TOPIC, PARTITIONS).await;
        checker.read_to(&client, &ends).await;
        assert_eq!(offsets(&client).await, committed);
        if is_emptied {
            let emptied = cluster.empty_disk(index);
            emptied.unwrap_or_else(|reason| panic!("{reason}"));
        }
        let began = Instant::now();
        tokio::task::block_in_place(|| cluster.brokers()[index].resume())
            .unwrap_or_else(|reason| panic!("{reason}"));
        wait_until_in_sync(&client).await;
        println!(
            "broker {} killed{}: in sync again {:?} after its start, a partition took nothing for {:?} at most",
            index + 1,
            if is_emptied {
                " and its disk emptied"
            } else {
                ""
            },
            began.elapsed(),
            book.longest_silence()
        );
    }
    lasting.finish().await;
    assert_eq!(offsets(&client).await, committed);
    read_all(&client, plan, &book).await;
}

async fn commit(client: &Client) -> BTreeMap<TopicPartition, i64> {
    let offset = |partition: i32| {
        let committed = CommittedOffset::new(7 + i64::from(partition));
        (TopicPartition::new(TOPIC, partition), committed)
    };
    let wanted: BTreeMap<_, _> = (0..PARTITIONS).map(offset).collect();
    let told = client.admin().commit_group_offsets(GROUP, &wanted).await;
    for (partition, outcome) in told.expect("the group takes offsets") {
        outcome.unwrap_or_else(|error| panic!("{partition}: {error}"));
    }
    wanted.into_iter().map(|(at, it)| (at, it.offset)).collect()
}

/// What the group has committed, once its coordinator answers.
async fn offsets(client: &Client) -> BTreeMap<TopicPartition, i64> {
    let told = client.admin().group_offsets(GROUP).await;
    let told = told.unwrap_or_else(|error| panic!("no offsets of {GROUP}: {error}"));
    let offset = |(partition, outcome): (TopicPartition, Result<CommittedOffset, _>)| {
        let committed = outcome.unwrap_or_else(|error| panic!("{partition}: {error}"));
        (partition, committed.offset)
    };
    told.into_iter().map(offset).collect()
}

/// Waits until all partitions, those of the topic of groups too, have their replicas on all brokers.
async fn wait_until_grown(client: &Client) {
    let began = Instant::now();
    for topic in [TOPIC, "__consumer_offsets"] {
        loop {
            let described = client.admin().describe_topic(topic).await;
            let is_grown = described.as_ref().is_ok_and(|topic| {
                let mut all = topic.partitions.iter();
                all.all(|one| one.replicas.len() == BROKERS && one.in_sync.len() == BROKERS)
            });
            if is_grown {
                break;
            }
            assert!(began.elapsed() < GROWN_WITHIN, "not grown: {described:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
