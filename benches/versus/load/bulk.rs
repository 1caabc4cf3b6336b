//! As much as goes in: every partition is filled at once, acknowledged by all, idempotent.

use std::sync::Arc;
use std::time::Duration;

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use ottla_protocol::records::Compression;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::values;
use crate::latencies::Latencies;

/// Values that may wait for their acknowledgement, all partitions together.
const WINDOW_BYTES: usize = 16 << 20;

/// What is sent, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bulk {
    pub(crate) partitions: i32,
    pub(crate) record_bytes: usize,
    /// All partitions together.
    pub(crate) records: u64,
    pub(crate) batch_bytes: usize,
    pub(crate) compression: Compression,
    /// How many different keys records have, by chance; without one they have none.
    pub(crate) keys: Option<u64>,
}

/// What was sent.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Of values, before they were compressed.
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    /// Until all was acknowledged.
    pub(crate) took: Duration,
    /// From handing a record to the producer to its acknowledgement.
    pub(crate) latencies: Latencies,
}

impl Bulk {
    /// So many GiB of 1 KiB records, in batches of 64 KiB to six partitions.
    pub(crate) fn of_gib(gib: f64) -> Bulk {
        Bulk {
            partitions: 6,
            record_bytes: 1_024,
            records: (gib * f64::from(1 << 20)) as u64,
            batch_bytes: 65_536,
            compression: Compression::None,
            keys: None,
        }
    }

    /// The same load, but only a part of it.
    pub(crate) fn part(self, part: f64) -> Bulk {
        Bulk {
            records: (self.records as f64 * part) as u64,
            ..self
        }
    }

    /// Sends it to a topic that exists.
    pub(crate) async fn send(self, client: &Client, topic: &str) -> Sent {
        let config = ProducerConfig {
            batch_bytes: self.batch_bytes,
            compression: self.compression,
            ..ProducerConfig::default()
        };
        let producer = Arc::new(Producer::new(client, config));
        let lanes = u64::from(self.partitions.unsigned_abs());
        let per_lane = self.records.div_ceil(lanes);
        let begun = Instant::now();
        let mut running = JoinSet::new();
        for partition in 0..self.partitions {
            let lane = self.fill(producer.clone(), topic.to_owned(), partition, per_lane);
            running.spawn(lane);
        }
        let mut latencies = Latencies::default();
        while let Some(lane) = running.join_next().await {
            latencies.merge(lane.expect("a lane does not panic"));
        }
        Sent {
            bytes: lanes * per_lane * self.record_bytes as u64,
            records: lanes * per_lane,
            took: begun.elapsed(),
            latencies,
        }
    }

    async fn fill(
        self,
        producer: Arc<Producer>,
        topic: String,
        partition: i32,
        records: u64,
    ) -> Latencies {
        let make = match self.compression {
            Compression::None => values::noise,
            _ => values::text,
        };
        let value = make(self.record_bytes, u64::from(partition.unsigned_abs()));
        let record = ProducerRecord {
            topic: &topic,
            partition: Some(partition),
            value: Some(&value),
            ..ProducerRecord::default()
        };
        let lanes = usize::try_from(self.partitions).expect("there are some partitions");
        let (waiting, sent) = mpsc::channel((WINDOW_BYTES / self.record_bytes / lanes).max(1));
        let collecting = tokio::spawn(super::collect(sent));
        for number in 0..records {
            let begun = Instant::now();
            let key = self.keys.map(|keys| values::key(number, keys));
            let record = ProducerRecord {
                key: key.as_ref().map(<[u8; 8]>::as_slice),
                ..record
            };
            let delivery = producer.send(record).await;
            let delivery = delivery.unwrap_or_else(|error| panic!("{topic}-{partition}: {error}"));
            waiting
                .send((begun, delivery))
                .await
                .expect("whoever waits for deliveries waits for all");
        }
        drop(waiting);
        collecting.await.expect("a collector does not panic")
    }
}
