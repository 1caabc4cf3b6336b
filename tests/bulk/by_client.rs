//! In by our client with payloads that follow from a seed; the Java consumer must compute the
//! checksums that were computed here while sending.

use std::collections::VecDeque;
use std::sync::Arc;

use ottla_client::{Client, Producer, ProducerConfig, ProducerRecord};
use ottla_platform::seed::{Random, mix};
use ottla_tests::Broker;
use ottla_tests::client::{connect, create_topic};

use crate::{Options, TOPIC, judge, measured};

/// Records of a partition that may wait for their acknowledgement.
const WINDOW: usize = 4_096;

/// What was sent to one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sent {
    records: u64,
    crc32c: u32,
}

/// Produces, reads back, and fails unless all checksums are equal.
pub(crate) fn prove(options: &Options) -> Result<(), String> {
    let broker = options.start_broker()?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    let produce = || runtime.block_on(produce(&broker, options));
    let sent = measured("produced by our client", &broker, options.gib, produce)??;
    let found: Vec<Sent> = judge::read_back(&broker, options)?
        .iter()
        .map(|partition| Sent {
            records: partition.records,
            crc32c: partition.crc32c,
        })
        .collect();
    if sent != found {
        return Err(format!("sent {sent:x?}, found {found:x?}"));
    }
    println!("every partition's checksum is the one that was sent");
    Ok(())
}

async fn produce(broker: &Broker, options: &Options) -> Result<Vec<Sent>, String> {
    let client = connect(broker).await;
    create_topic(&client, TOPIC, options.partitions, &[]).await;
    let producer = Arc::new(Producer::new(&client, config(options)?));
    let lanes: Vec<_> = (0..options.partitions)
        .map(|partition| {
            let lane = Lane::new(producer.clone(), partition, options);
            tokio::spawn(lane.run())
        })
        .collect();
    let mut sent = Vec::new();
    for lane in lanes {
        sent.push(lane.await.map_err(|error| error.to_string())??);
    }
    Client::close(&client);
    Ok(sent)
}

fn config(options: &Options) -> Result<ProducerConfig, String> {
    let mut config = ProducerConfig::default();
    for (key, value) in &options.producer {
        match config.set(key, value) {
            Ok(true) => {}
            Ok(false) => return Err(format!("{key} is no setting of the producer")),
            Err(invalid) => return Err(invalid.to_string()),
        }
    }
    Ok(config)
}

/// One partition's share of the records.
struct Lane {
    producer: Arc<Producer>,
    partition: i32,
    records: u64,
    random: Random,
    value: Vec<u8>,
}

impl Lane {
    fn new(producer: Arc<Producer>, partition: i32, options: &Options) -> Lane {
        let number = u64::try_from(partition).expect("partitions are counted from 0");
        let count = u64::try_from(options.partitions).expect("there are some partitions");
        let total = options.record_count();
        Lane {
            producer,
            partition,
            records: total / count + u64::from(number < total % count),
            random: Random::new(mix(options.seed ^ mix(number))),
            value: vec![0; options.record_bytes],
        }
    }

    async fn run(mut self) -> Result<Sent, String> {
        let mut waiting = VecDeque::with_capacity(WINDOW);
        let mut crc32c = 0;
        for _ in 0..self.records {
            if waiting.len() == WINDOW {
                let oldest: ottla_client::producer::Delivery =
                    waiting.pop_front().expect("the window is full");
                oldest.wait().await.map_err(|error| error.to_string())?;
            }
            self.fill();
            crc32c = crc32c::crc32c_append(crc32c, &self.value);
            let record = ProducerRecord {
                topic: TOPIC,
                partition: Some(self.partition),
                value: Some(&self.value),
                ..ProducerRecord::default()
            };
            let delivery = self.producer.send(record).await;
            waiting.push_back(delivery.map_err(|error| error.to_string())?);
        }
        for delivery in waiting {
            delivery.wait().await.map_err(|error| error.to_string())?;
        }
        Ok(Sent {
            records: self.records,
            crc32c,
        })
    }

    /// The next value: random bytes, so that nothing can be right by accident.
    fn fill(&mut self) {
        for chunk in self.value.chunks_mut(8) {
            let bytes = self.random.next_u64().to_be_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        }
    }
}
