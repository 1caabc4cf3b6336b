//! Consumers while old segments are deleted: one that follows the end, others that begin at the start again and again.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ottla_client::consumer::{ConsumeError, Consumer, ConsumerConfig, OutOfRange, StartFrom};
use ottla_client::{Client, TopicPartition};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Of those that begin at the start.
const STARTERS: usize = 3;
/// What one of those reads before it begins again.
const RECORDS_PER_PASS: u64 = 5_000;
/// How often a consumer without records looks whether it is to end.
const LOOK: Duration = Duration::from_millis(500);

/// All of them.
pub(crate) struct Readers {
    ends: Arc<AtomicBool>,
    follower: JoinHandle<Seen>,
    starters: Vec<JoinHandle<Seen>>,
}

/// What consumers have seen.
#[derive(Default)]
pub(crate) struct Seen {
    records: u64,
    passes: u64,
    /// How often what was to come next was deleted before it was fetched.
    overtaken: u64,
}

impl Readers {
    pub(crate) fn start(client: &Client, topic: &str) -> Readers {
        let ends = Arc::new(AtomicBool::new(false));
        let start = |per_pass| {
            let partition = TopicPartition::new(topic, 0);
            tokio::spawn(read(client.clone(), partition, per_pass, Arc::clone(&ends)))
        };
        Readers {
            follower: start(u64::MAX),
            starters: (0..STARTERS).map(|_| start(RECORDS_PER_PASS)).collect(),
            ends,
        }
    }

    /// Ends them. Panics with the first thing amiss.
    pub(crate) async fn end(self) -> String {
        self.ends.store(true, Ordering::Relaxed);
        let follower = seen(self.follower).await;
        assert!(follower.records > 0, "the consumer of the end got nothing");
        let mut text = format!("the consumer of the end: {follower}");
        for starter in self.starters {
            let starter = seen(starter).await;
            assert!(starter.passes > 0, "a consumer of the start got nowhere");
            text.push_str(&format!("\na consumer of the start: {starter}"));
        }
        text
    }
}

async fn seen(reader: JoinHandle<Seen>) -> Seen {
    reader
        .await
        .unwrap_or_else(|error| panic!("a consumer: {error}"))
}

async fn read(
    client: Client,
    partition: TopicPartition,
    per_pass: u64,
    ends: Arc<AtomicBool>,
) -> Seen {
    let mut seen = Seen::default();
    while !ends.load(Ordering::Relaxed) {
        let config = ConsumerConfig {
            out_of_range: OutOfRange::Fail,
            ..ConsumerConfig::default()
        };
        let mut consumer =
            Consumer::new(&client, config, [(partition.clone(), StartFrom::Earliest)]);
        let (mut read, mut expected) = (0, None);
        while read < per_pass && !ends.load(Ordering::Relaxed) {
            let Ok(next) = timeout(LOOK, consumer.next()).await else {
                continue;
            };
            let fetched = match next {
                Ok(fetched) => fetched,
                Err(ConsumeError::OutOfRange { .. }) => {
                    seen.overtaken += 1;
                    break;
                }
                Err(error) => panic!("{error}"),
            };
            for record in fetched.records() {
                let record = record.unwrap_or_else(|error| panic!("{error}"));
                let value = record.value.as_deref().unwrap_or_default();
                assert!(
                    value.starts_with(&record.offset.to_be_bytes()),
                    "offset {}",
                    record.offset
                );
                assert_eq!(record.offset, expected.unwrap_or(record.offset));
                expected = Some(record.offset + 1);
                read += 1;
            }
        }
        seen.records += read;
        seen.passes += u64::from(read >= per_pass);
    }
    seen
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen {
            records,
            passes,
            overtaken,
        } = self;
        write!(
            f,
            "{records} records in order, {passes} passes, overtaken {overtaken} times"
        )
    }
}
