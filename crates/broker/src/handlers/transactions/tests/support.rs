//! A transactional client that says exactly what it is told to, by the rules of either level of `transaction.version`.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ottla_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use ottla_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use ottla_protocol::messages::{
    AddPartitionsToTxnRequest, EndTxnRequest, FetchRequest, FindCoordinatorRequest,
    InitProducerIdRequest, ProduceRequest,
};
use ottla_protocol::records::{Batches, ProducerStamp};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::node::testing::{
    PATIENCE, TestClient, TestNode, keyed_batch, name_of, produce_request, text, topic_name,
};

/// Few partitions of what holds transactions and groups, so that tests are quick.
pub(super) const FEW: &[&str] = &[
    "transaction.state.log.num.partitions=3",
    "offsets.topic.num.partitions=3",
    "group.initial.rebalance.delay.ms=0",
];

/// A node with topic "t" of two partitions.
pub(super) async fn node_with_topic() -> (TestNode, TestClient) {
    let node = TestNode::start(FEW).await;
    let mut client = node.client().await;
    client.create("t", 2, &[]).await;
    (node, client)
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// One epoch for all transactions; partitions are added before they are written to.
    One,
    /// An epoch for each; partitions are added by the first write.
    Two,
}

impl Level {
    pub(super) const BOTH: [Level; 2] = [Level::One, Level::Two];

    pub(super) fn produce_version(self) -> i16 {
        match self {
            Level::One => 11,
            Level::Two => 12,
        }
    }

    pub(super) fn end_version(self) -> i16 {
        match self {
            Level::One => 4,
            Level::Two => 5,
        }
    }
}

/// A transactional producer.
pub(super) struct Writer {
    pub(super) client: TestClient,
    pub(super) level: Level,
    pub(super) transactional_id: &'static str,
    pub(super) id: i64,
    pub(super) epoch: i16,
    /// Of the next record, by partition.
    sequences: BTreeMap<i32, i32>,
}

impl Writer {
    /// A client that has found its coordinator and who it is.
    pub(super) async fn begin(
        node: &TestNode,
        level: Level,
        transactional_id: &'static str,
    ) -> Writer {
        Writer::begin_with_timeout(node, level, transactional_id, 60_000).await
    }

    pub(super) async fn begin_with_timeout(
        node: &TestNode,
        level: Level,
        transactional_id: &'static str,
        timeout_ms: i32,
    ) -> Writer {
        let mut client = node.client().await;
        let find = FindCoordinatorRequest::default()
            .with_key_type(1)
            .with_coordinator_keys(vec![text(transactional_id)]);
        let found = client.ask(4, &find).await;
        assert_eq!(found.coordinators[0].error_code, 0, "{found:?}");
        let mut writer = Writer {
            client,
            level,
            transactional_id,
            id: -1,
            epoch: -1,
            sequences: BTreeMap::new(),
        };
        writer.init(timeout_ms).await;
        writer
    }

    /// Asks who it is, again while what was before it is being ended.
    async fn init(&mut self, timeout_ms: i32) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text(self.transactional_id).into()))
            .with_transaction_timeout_ms(timeout_ms)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.client.ask(4, &request).await;
            match name_of(told.error_code) {
                "NONE" => {
                    (self.id, self.epoch) = (told.producer_id.0, told.producer_epoch);
                    return;
                }
                "CONCURRENT_TRANSACTIONS" if Instant::now() < deadline => {
                    sleep(Duration::from_millis(10)).await;
                }
                other => panic!("{other}"),
            }
        }
    }

    fn batch(&self, partition: i32, values: &[&str]) -> Bytes {
        let stamp = ProducerStamp {
            producer_id: self.id,
            producer_epoch: self.epoch,
            base_sequence: self.sequences.get(&partition).copied().unwrap_or(0),
            transactional: true,
        };
        let values: Vec<_> = values.iter().map(|&value| (None, value)).collect();
        keyed_batch(&values, Some(stamp))
    }

    pub(super) fn produce_request(
        &self,
        topic: &str,
        partition: i32,
        values: &[&str],
    ) -> ProduceRequest {
        let records = Some(self.batch(partition, values));
        let id = Some(text(self.transactional_id).into());
        produce_request(-1, topic, Uuid::nil(), partition, records).with_transactional_id(id)
    }

    /// Writes to a partition of topic "t", which is added first if that is the client's to do; the error's name.
    pub(super) async fn write(&mut self, partition: i32, values: &[&str]) -> &'static str {
        if self.level == Level::One {
            let added = self.add(partition).await;
            if added != "NONE" {
                return added;
            }
        }
        self.write_unadded(partition, values).await
    }

    /// Writes without adding anything.
    pub(super) async fn write_unadded(&mut self, partition: i32, values: &[&str]) -> &'static str {
        let request = self.produce_request("t", partition, values);
        let told = self
            .client
            .ask(self.level.produce_version(), &request)
            .await;
        let told = name_of(told.responses[0].partition_responses[0].error_code);
        if told == "NONE" {
            *self.sequences.entry(partition).or_default() += values.len() as i32;
        }
        told
    }

    /// Adds a partition as clients of the first level do, once the transaction before is complete.
    pub(super) async fn add(&mut self, partition: i32) -> &'static str {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(topic_name("t"))
            .with_partitions(vec![partition]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(text(self.transactional_id).into())
            .with_v3_and_below_producer_id(self.id.into())
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let told = self.client.ask(3, &request).await;
            let topic = &told.results_by_topic_v3_and_below[0];
            let told = name_of(topic.results_by_partition[0].partition_error_code);
            if told != "CONCURRENT_TRANSACTIONS" || Instant::now() > deadline {
                return told;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Commits or aborts; the error's name.
    pub(super) async fn end(&mut self, commits: bool) -> &'static str {
        let request = self.end_request(commits);
        let told = self.client.ask(self.level.end_version(), &request).await;
        let name = name_of(told.error_code);
        if name == "NONE" && self.level == Level::Two {
            (self.id, self.epoch) = (told.producer_id.0, told.producer_epoch);
            self.sequences.clear();
        }
        name
    }

    pub(super) fn end_request(&self, commits: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(text(self.transactional_id).into())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_committed(commits)
    }
}

/// What a consumer sees of a partition of topic "t".
#[derive(Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) values: Vec<String>,
    /// The producers of aborted transactions and where those begin.
    pub(super) aborted: Vec<(i64, i64)>,
    pub(super) last_stable_offset: i64,
    pub(super) high_watermark: i64,
}

/// Reads from offset 0 what there is at once; markers are no values.
pub(super) async fn read(client: &mut TestClient, partition: i32, committed_only: bool) -> Seen {
    let wanted = FetchPartition::default()
        .with_partition(partition)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(topic_name("t"))
        .with_partitions(vec![wanted]);
    let request = FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_bytes(1 << 20)
        .with_isolation_level(committed_only.into())
        .with_session_epoch(-1)
        .with_topics(vec![topic]);
    let told = client.ask(11, &request).await;
    let told = &told.responses[0].partitions[0];
    assert_eq!(name_of(told.error_code), "NONE");
    let mut seen = Seen {
        last_stable_offset: told.last_stable_offset,
        high_watermark: told.high_watermark,
        ..Seen::default()
    };
    for aborted in told.aborted_transactions.iter().flatten() {
        seen.aborted
            .push((aborted.producer_id.0, aborted.first_offset));
    }
    for batch in Batches(told.records.clone().unwrap_or_default()) {
        let batch = batch.unwrap();
        if batch.header.attributes.is_control() {
            continue;
        }
        for record in batch.records(1 << 20).unwrap() {
            let value = record.unwrap().value.unwrap();
            seen.values.push(String::from_utf8(value.to_vec()).unwrap());
        }
    }
    seen
}

/// Reads until what is stable is all there is: markers come after the answer to the end of a transaction.
pub(super) async fn read_stable(client: &mut TestClient, partition: i32) -> Seen {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let seen = read(client, partition, true).await;
        if seen.last_stable_offset == seen.high_watermark {
            return seen;
        }
        assert!(Instant::now() < deadline, "{seen:?}");
        sleep(Duration::from_millis(10)).await;
    }
}
