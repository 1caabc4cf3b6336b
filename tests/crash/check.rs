//! Reading a topic and judging it: gapless offsets, whole records, each lane's records once and in
//! order, every acknowledged one where it was said to be.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::consumer::{Consumer, ConsumerConfig, OutOfRange, StartFrom};
use ottla_client::{Client, TopicPartition};

use crate::load::Acknowledged;
use crate::value;

/// The longest that the next records may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// What has been read of a topic so far.
pub(crate) struct Checker {
    topic: &'static str,
    seed: u64,
    partitions: Vec<Partition>,
    /// The offsets found of each lane's records, by sequence.
    found: BTreeMap<u64, Vec<i64>>,
}

#[derive(Clone, Default)]
struct Partition {
    next_offset: i64,
    crc32c: u32,
}

impl Checker {
    /// Nothing read yet.
    pub(crate) fn new(topic: &'static str, partitions: i32, seed: u64) -> Checker {
        let count = usize::try_from(partitions).expect("there are some partitions");
        Checker {
            topic,
            seed,
            partitions: vec![Partition::default(); count],
            found: BTreeMap::new(),
        }
    }

    /// Reads on until these end offsets and judges each record.
    pub(crate) async fn read_to(&mut self, client: &Client, ends: &[i64]) {
        for (index, &end) in ends.iter().enumerate() {
            let next = self.partitions[index].next_offset;
            assert!(
                end >= next,
                "{}-{index} ends at {end}, {next} was there",
                self.topic
            );
            if end > next {
                self.read_partition(client, index, end).await;
            }
        }
    }

    async fn read_partition(&mut self, client: &Client, index: usize, end: i64) {
        let number = i32::try_from(index).expect("there are few partitions");
        let partition = TopicPartition::new(self.topic, number);
        let start = StartFrom::Offset(self.partitions[index].next_offset);
        let config = ConsumerConfig {
            out_of_range: OutOfRange::Fail,
            ..ConsumerConfig::default()
        };
        let mut consumer = Consumer::new(client, config, [(partition.clone(), start)]);
        while self.partitions[index].next_offset < end {
            let fetched = tokio::time::timeout(PATIENCE, consumer.next())
                .await
                .unwrap_or_else(|_| panic!("{partition}: no records for {PATIENCE:?}"))
                .unwrap_or_else(|error| panic!("{partition}: {error}"));
            for record in fetched.records() {
                let record = record.unwrap_or_else(|error| panic!("{partition}: {error}"));
                self.take(index, record.offset, record.value.as_deref());
            }
        }
    }

    fn take(&mut self, index: usize, offset: i64, value: Option<&[u8]>) {
        let place = format!("{}-{index} at {offset}", self.topic);
        let partition = &mut self.partitions[index];
        assert_eq!(
            offset, partition.next_offset,
            "{place}: a gap or a step back"
        );
        partition.next_offset += 1;
        let value = value.unwrap_or_else(|| panic!("{place}: no value"));
        partition.crc32c = crc32c::crc32c_append(partition.crc32c, value);
        let identity = value::decode(self.seed, value)
            .unwrap_or_else(|| panic!("{place}: not a record that was sent"));
        let lane = self.found.entry(identity.lane).or_default();
        let due = u64::try_from(lane.len()).expect("it fits");
        assert_eq!(
            identity.sequence, due,
            "{place}: lane {} lost, repeated or reordered records",
            identity.lane
        );
        lane.push(offset);
    }

    /// Every record acknowledged must have been read, at the offset that was told.
    pub(crate) fn expect(&self, acknowledged: &[Acknowledged]) {
        for (lane, told) in (0..).zip(acknowledged) {
            let found = self.found.get(&lane).map_or(&[][..], Vec::as_slice);
            assert!(
                found.len() >= told.len(),
                "lane {lane}: {} records were acknowledged, {} are there",
                told.len(),
                found.len()
            );
            for (sequence, (told, found)) in told.iter().zip(found).enumerate() {
                assert!(
                    told.is_none_or(|told| told == *found),
                    "lane {lane}, record {sequence}: acknowledged at {told:?}, found at {found}"
                );
            }
        }
    }

    /// Lines as `ReadBack` prints them, without what only it counts.
    pub(crate) fn summary(&self) -> Vec<String> {
        let line = |(index, partition): (usize, &Partition)| {
            let Partition {
                next_offset,
                crc32c,
            } = partition;
            format!(
                "partition={index} first=0 next={next_offset} records={next_offset} crc32c={crc32c:08x}"
            )
        };
        self.partitions.iter().enumerate().map(line).collect()
    }
}
