//! Kafka Streams: two instances of an application, of which one is killed too (`compat/java/StreamsJob.java`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ottla_client::{
    Client, Isolation, OffsetSpec, Producer, ProducerConfig, ProducerRecord, TopicPartition,
};
use ottla_tests::Kind;
use ottla_tests::client::connect_to;
use ottla_tests::compat::Toolchain;
use ottla_tests::process::Process;
use rustix::process::Signal;
use tokio::time::sleep;

use crate::deaths::{self, BROKERS, create_topic};
use crate::read::{Pair, committed};

const APPLICATION: &str = "counting";
const PARTITIONS: i32 = 4;
const LINES: u32 = 6_000;
/// How many in each step, and how often.
const LINES_PER_STEP: u32 = 20;
const STEP: Duration = Duration::from_millis(100);
/// How much later each line is than the one before, by its timestamp.
const LINE_MS: i64 = 20;
const WINDOW_MS: i64 = 10_000;
const WORDS: [&str; 7] = ["one", "two", "three", "four", "five", "six", "seven"];
const TOPICS: [&str; 6] = ["lines", "left", "right", "counts", "windows", "joined"];
/// How long all of it may take to be done after everything is alive again.
const DONE_WITHIN: Duration = Duration::from_secs(120);

/// See the file's head.
pub(crate) fn run(kind: Kind) {
    tokio::runtime::Runtime::new()
        .expect("a runtime can be started")
        .block_on(count_and_join(kind));
}

async fn count_and_join(kind: Kind) {
    let mut cluster = deaths::start(kind);
    let client = connect_to(&cluster.bootstrap()).await;
    for topic in TOPICS {
        create_topic(&client, topic, PARTITIONS).await;
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let bootstrap = cluster.bootstrap();
    let start = |name: &str| start_instance(&bootstrap, &folder.path().join(name));
    let mut first = start("first");
    let second = start("second");
    let began_ms = now_ms() / WINDOW_MS * WINDOW_MS;
    let feeding = tokio::spawn(feed(client.clone(), began_ms));
    for index in 0..BROKERS {
        sleep(Duration::from_secs(4)).await;
        if index == 1 {
            first.kill();
            first = start("first");
        }
        let internal = ["__consumer_offsets", "__transaction_state"];
        let topics = [&TOPICS[..], &internal].concat();
        deaths::kill(&mut cluster, index, &client, &topics).await;
    }
    feeding.await.expect("all is fed");
    let lines = usize::try_from(LINES).expect("they are few");
    let words = words_of(0).count() * lines;
    let said = || format!("{}\n{}", first.log(), second.log());
    let instances = [&first, &second];
    let of = async |topic, count| {
        let found = committed(&client, topic, PARTITIONS, count, DONE_WITHIN).await;
        if found.len() < count {
            let standing = standing(&client, instances).await;
            panic!(
                "{topic}: {} of {count}\n{}\n{standing}",
                found.len(),
                said()
            );
        }
        found
    };
    let counts = of("counts", words).await;
    expect_counts(
        "counts",
        &counts,
        &expected(|_, word| word.to_owned()),
        said,
    );
    let windows = of("windows", words).await;
    let in_window = |line, word: &str| {
        let at = began_ms + i64::from(line) * LINE_MS;
        format!("{word}@{}", at / WINDOW_MS * WINDOW_MS)
    };
    expect_counts("windows", &windows, &expected(in_window), said);
    let joined = of("joined", lines).await;
    let all: BTreeSet<Pair> = (0..LINES)
        .map(|line| (format!("k{line}"), format!("l{line}+r{line}")))
        .collect();
    let count = joined.len();
    let joined: BTreeSet<Pair> = joined.into_iter().collect();
    let missing: Vec<_> = all.difference(&joined).map(|(key, _)| key).collect();
    assert!(
        count == lines && joined == all,
        "joined: {count}, of {lines}; not {missing:?}\n{}",
        said(),
    );
}

/// Where an application stands that does not go on: what it has read of each partition, to where it or the reader
/// of its results could read, who is to read it; and its threads, in its own log.
async fn standing(client: &Client, instances: [&Process; 2]) -> String {
    let mut lines = Vec::new();
    let admin = client.admin();
    let offsets = admin.group_offsets(APPLICATION).await.unwrap_or_default();
    let mut all: BTreeSet<TopicPartition> = offsets.keys().cloned().collect();
    for topic in TOPICS {
        all.extend((0..PARTITIONS).map(|it| TopicPartition::new(topic, it)));
    }
    let latest = || {
        let each = all.iter();
        each.map(|it| (it.clone(), OffsetSpec::Latest)).collect()
    };
    let ends = admin
        .list_offsets(latest(), Isolation::ReadUncommitted)
        .await;
    let stable = admin.list_offsets(latest(), Isolation::ReadCommitted).await;
    for partition in &all {
        let (end, stable) = (ends.get(partition), stable.get(partition));
        let read = offsets.get(partition);
        lines.push(format!(
            "{partition}: read {read:?}, stable {stable:?}, end {end:?}"
        ));
    }
    lines.push(format!("{:?}", admin.describe_group(APPLICATION).await));
    for instance in instances {
        instance.signal(Signal::QUIT);
    }
    sleep(Duration::from_secs(1)).await;
    lines.join("\n")
}

fn start_instance(bootstrap: &str, folder: &Path) -> Process {
    let toolchain = Toolchain::find_with_suites().unwrap_or_else(|reason| panic!("{reason}"));
    let options = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    let mut command = toolchain.java(toolchain.suites_classpath(), &options, "StreamsJob");
    command.args([bootstrap, APPLICATION]).arg(folder);
    let log = folder.with_extension("log");
    Process::spawn(&mut command, &log).unwrap_or_else(|error| panic!("cannot run java: {error}"))
}

fn now_ms() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().expect("it is after 1970");
    i64::try_from(since.as_millis()).expect("it is before the year 200 million")
}

fn words_of(line: u32) -> impl Iterator<Item = &'static str> {
    let word =
        move |step: u32| WORDS[usize::try_from(line / step).expect("they are few") % WORDS.len()];
    [1, 3, 5].into_iter().map(word)
}

/// What each line gives, all over the time that brokers die in.
async fn feed(client: Client, began_ms: i64) {
    let producer = Producer::new(&client, ProducerConfig::default());
    let mut sent = Vec::new();
    for line in 0..LINES {
        let words: Vec<&str> = words_of(line).collect();
        let key = format!("k{line}");
        for (topic, key, value) in [
            ("lines", None, words.join(" ")),
            ("left", Some(key.as_bytes()), format!("l{line}")),
            ("right", Some(key.as_bytes()), format!("r{line}")),
        ] {
            let record = ProducerRecord {
                topic,
                partition: key
                    .is_none()
                    .then_some(i32::try_from(line).expect("they are few") % PARTITIONS),
                timestamp: Some(began_ms + i64::from(line) * LINE_MS),
                key,
                value: Some(value.as_bytes()),
                ..ProducerRecord::default()
            };
            let delivery = producer.send(record).await;
            sent.push(delivery.unwrap_or_else(|error| panic!("{topic}: {error}")));
        }
        if line % LINES_PER_STEP == 0 {
            sleep(STEP).await;
        }
    }
    for delivery in sent {
        let delivered = delivery.wait().await;
        delivered.unwrap_or_else(|error| panic!("not fed: {error}"));
    }
    producer.close().await;
}

/// How often each key is counted.
fn expected(key: impl Fn(u32, &str) -> String) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for line in 0..LINES {
        for word in words_of(line) {
            *counts.entry(key(line, word)).or_default() += 1;
        }
    }
    counts
}

/// Each key was counted from one on, without a step left out or made twice.
fn expect_counts(
    topic: &str,
    found: &[Pair],
    expected: &BTreeMap<String, usize>,
    said: impl Fn() -> String,
) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for (key, count) in found {
        let so_far = counts.entry(key.clone()).or_default();
        *so_far += 1;
        assert_eq!(*count, so_far.to_string(), "{topic}: {key}: {}", said());
    }
    assert_eq!(counts, *expected, "{topic}: {}", said());
}
