//! What came out: the committed records of a topic.

use std::time::{Duration, Instant};

use ottla_client::{Client, Consumer, ConsumerConfig, Isolation, StartFrom, TopicPartition};
use tokio::time::timeout;

/// How long nothing more may come before that is all.
const QUIET: Duration = Duration::from_secs(5);

/// A committed record's key and value; that there is none is no text.
pub(crate) type Pair = (String, String);

/// Reads what is committed in a topic until there are so many records or time is over, and nothing more for a
/// while. Each partition's are in its order.
pub(crate) async fn committed(
    client: &Client,
    topic: &str,
    partitions: i32,
    count: usize,
    within: Duration,
) -> Vec<Pair> {
    let config = ConsumerConfig {
        isolation: Isolation::ReadCommitted,
        ..ConsumerConfig::default()
    };
    let all = (0..partitions).map(|it| (TopicPartition::new(topic, it), StartFrom::Earliest));
    let mut consumer = Consumer::new(client, config, all);
    let mut found = Vec::new();
    let began = Instant::now();
    loop {
        match timeout(QUIET, consumer.next()).await {
            Ok(Ok(fetched)) => {
                for record in fetched.records() {
                    let record = record.unwrap_or_else(|error| panic!("{topic}: {error}"));
                    found.push((text(record.key.as_deref()), text(record.value.as_deref())));
                }
            }
            Ok(Err(error)) => panic!("{topic}: {error}"),
            // Whoever asked looks at what is missing.
            Err(_quiet) if found.len() >= count || began.elapsed() > within => return found,
            Err(_quiet) => {}
        }
    }
}

fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}
