//! One of the two brokers, with what every run may rely on: made by our own client, alike on both.
//!
//! | there is | with |
//! |---|---|
//! | topic `lines` | one partition, ten records `0` to `9`, a batch each, a second apart |
//! | topic `empty` | one partition |
//! | topic `pair` | two partitions, configurations of its own |
//! | topics named after what is done to them | one partition, three records |
//! | groups named likewise, and `left` | committed offset 4 of `lines`, no members |
//! | group `reading` | one member, which has read `lines` |
//! | files | what tools are given, in the folder of the side |

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ottla_client::admin::CommittedOffset;
use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord, TopicPartition};
use ottla_tests::client::{connect, create_topic};
use ottla_tests::process::Process;
use ottla_tests::{Broker, Finished, Kind, Settings, Tool, probe, wait};
use tempfile::TempDir;

/// The timestamp of the first record; its topics keep records for ever.
const FIRST_MS: i64 = 1_700_000_000_000;
const FOR_EVER: (&str, &str) = ("retention.ms", "-1");
/// Topics that a run changes or fills.
const TOPICS: &[&str] = &[
    "grows", "doomed", "cut", "altered", "latency", "perf", "verified", "written",
];
const GROUPS: &[&str] = &[
    "left",
    "earliest",
    "datetime",
    "shifted",
    "forgetful",
    "doomed",
    "application",
];
/// Records of topic `lines`.
const LINES: i64 = 10;
const READING: &str = "reading";
/// A JVM on a busy machine starts and joins its group.
const JOINED_WITHIN: Duration = Duration::from_secs(60);

/// A broker that answers does so sooner.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Files that runs name, by what is in them.
const FILES: &[(&str, &str)] = &[
    (
        "delete.json",
        r#"{"version":1,"partitions":[{"topic":"cut","partition":0,"offset":2}]}"#,
    ),
    ("move.json", r#"{"version":1,"topics":[{"topic":"pair"}]}"#),
    (
        "moved.json",
        r#"{"version":1,"partitions":[{"topic":"pair","partition":0,"replicas":[1]}]}"#,
    ),
    ("offsets.csv", "lines,0,6\n"),
    ("few.properties", "max.block.ms=5000\n"),
];

/// A broker and its surroundings.
pub(crate) struct Side {
    pub(crate) broker: Broker,
    pub(crate) folder: TempDir,
    _reader: Process,
}

impl Side {
    /// Starts the broker and makes all that is there from the beginning.
    pub(crate) fn start(kind: Kind) -> Result<Side, String> {
        let settings = Settings::default()
            .with("group.initial.rebalance.delay.ms", "0")
            .with("node.id", "1")
            .with("offsets.topic.num.partitions", "1")
            .with("offsets.topic.replication.factor", "1")
            .with("transaction.state.log.num.partitions", "1")
            .with("transaction.state.log.replication.factor", "1")
            .with("transaction.state.log.min.isr", "1");
        let broker = Broker::start(kind, settings)?;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        for (name, text) in FILES {
            fs::write(folder.path().join(name), text).map_err(|error| error.to_string())?;
        }
        let client = runtime.block_on(connect(&broker));
        runtime.block_on(fill(&client));
        let reader = start_reader(&broker, &folder)?;
        wait::until("the member has committed", JOINED_WITHIN, || {
            let committed = runtime.block_on(client.admin().group_offsets(READING));
            let first = committed.ok()?.into_values().next()?;
            first.is_ok_and(|first| first.offset == LINES).then_some(())
        });
        client.close();
        Ok(Side {
            broker,
            folder,
            _reader: reader,
        })
    }

    /// Fails unless the broker answers: two that are gone have their tools say the same.
    pub(crate) fn answers(&self) -> Result<(), String> {
        if probe::answers_metadata(self.broker.address(), ANSWER_WITHIN) {
            return Ok(());
        }
        let (kind, log) = (self.broker.kind(), self.broker.log_tail());
        Err(format!("{kind:?} does not answer; its log ends:\n{log}"))
    }

    /// Runs a tool, its class and its arguments in one line with the names of this side's things.
    pub(crate) fn run(&self, line: &str, stdin: &str, within: Duration) -> Finished {
        let line = self.fill_in(line);
        let mut words = line.split_whitespace();
        let class = words.next().expect("a line begins with a class");
        Tool::kafka(&format!("org.apache.kafka.tools.{class}"))
            .args(words)
            .stdin(stdin)
            .within(within)
            .run()
    }

    fn fill_in(&self, line: &str) -> String {
        let address = self.broker.bootstrap();
        let log = self.broker.partition_folder("lines", 0);
        line.replace("{at}", &format!("--bootstrap-server {address}"))
            .replace("{address}", &address)
            .replace("{folder}", &self.folder.path().display().to_string())
            .replace("{log}", &log.display().to_string())
    }
}

async fn fill(client: &Client) {
    create_topic(client, "lines", 1, &[FOR_EVER]).await;
    send(client, "lines", LINES).await;
    create_topic(client, "empty", 1, &[FOR_EVER]).await;
    let own = [("cleanup.policy", "compact,delete"), ("flush.ms", "9")];
    create_topic(client, "pair", 2, &own).await;
    for topic in TOPICS {
        create_topic(client, topic, 1, &[FOR_EVER]).await;
        send(client, topic, 3).await;
    }
    let lines = TopicPartition::new("lines", 0);
    let fourth = BTreeMap::from([(lines, CommittedOffset::new(4))]);
    for group in GROUPS {
        let told = client.admin().commit_group_offsets(group, &fourth).await;
        let told = told.unwrap_or_else(|error| panic!("{group}: {error}"));
        assert!(told.values().all(Result::is_ok), "{group}: {told:?}");
    }
}

/// Numbers from 0 on, each a batch of its own.
async fn send(client: &Client, topic: &str, count: i64) {
    let producer = Producer::new(client, ProducerConfig::default());
    for number in 0..count {
        let record = ProducerRecord {
            topic,
            partition: Some(0),
            timestamp: Some(FIRST_MS + 1_000 * number),
            value: Some(&number.to_string().into_bytes()),
            ..ProducerRecord::default()
        };
        let sent = producer.send(record).await.expect("the record is taken");
        sent.wait().await.expect("the record is delivered");
    }
    producer.close().await;
}

fn start_reader(broker: &Broker, folder: &TempDir) -> Result<Process, String> {
    Tool::kafka("org.apache.kafka.tools.consumer.ConsoleConsumer")
        .args(["--bootstrap-server", &broker.bootstrap()])
        .args(["--topic", "lines", "--group", READING, "--from-beginning"])
        .args(["--command-property", "client.id=reader"])
        .args(["--command-property", "auto.commit.interval.ms=1000"])
        .spawn(&folder.path().join("reader.log"))
        .map_err(|error| format!("cannot run java: {error}"))
}
