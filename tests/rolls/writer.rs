//! Fills segments, one after the other, at a pace that lets retention do its work between them.

use std::time::Duration;

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use tokio::time::interval;

/// A little more than a segment of 1 MiB.
const RECORDS_PER_ROLL: u64 = 1_020;
const RECORD_BYTES: usize = 1_024;
/// A segment takes so long at least.
const PACE: Duration = Duration::from_millis(40);

/// Writes to one partition: the value of a record begins with its offset.
pub(crate) struct Writer<'a> {
    producer: Producer,
    topic: &'a str,
    next: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(client: &Client, topic: &'a str) -> Writer<'a> {
        Writer {
            producer: Producer::new(client, ProducerConfig::default()),
            topic,
            next: 0,
        }
    }

    /// Fills so many segments.
    pub(crate) async fn write(&mut self, rolls: u32) {
        let mut pace = interval(PACE);
        for _ in 0..rolls {
            pace.tick().await;
            let mut sent = Vec::new();
            for _ in 0..RECORDS_PER_ROLL {
                let mut value = [0x5a; RECORD_BYTES];
                value[..8].copy_from_slice(&self.next.to_be_bytes());
                self.next += 1;
                let record = ProducerRecord {
                    topic: self.topic,
                    partition: Some(0),
                    value: Some(&value),
                    ..ProducerRecord::default()
                };
                let delivery = self.producer.send(record).await;
                sent.push(delivery.unwrap_or_else(|error| panic!("{error}")));
            }
            for delivery in sent {
                let outcome = delivery.wait().await;
                outcome.unwrap_or_else(|error| panic!("a record was not delivered: {error}"));
            }
        }
    }
}
