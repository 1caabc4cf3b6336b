//! A transactional producer on one partition, as clients are that get an epoch with each transaction
//! (KIP-890, transactions V2). It asks again what may be asked again, and takes anything else as the
//! failure of its test.

use std::time::Duration;

use bytes::Bytes;
use ottla_client::{Client, Connection};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{
    EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ProduceRequest, StrBytes,
};
use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};
use tokio::time::{Instant, sleep};

const FIND_VERSION: i16 = 3;
const INIT_VERSION: i16 = 4;
const PRODUCE_VERSION: i16 = 12;
const END_VERSION: i16 = 5;
/// What a key of FindCoordinator names.
const TRANSACTION: i8 = 1;
/// Before what comes too early is tried again: what the Java client rests.
const REST: Duration = Duration::from_millis(20);
/// How long a coordinator may take to come up.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that brokers allow by default: what is left open stays so.
const TIMEOUT_MS: i32 = 900_000;

/// See the module's head.
pub struct TransactionalProducer {
    connection: Connection,
    transactional_id: String,
    topic: String,
    partition: i32,
    id: i64,
    epoch: i16,
}

impl TransactionalProducer {
    /// One that may begin, on a cluster of one broker. What was open under its name is aborted.
    pub async fn begin(
        client: &Client,
        transactional_id: &str,
        topic: &str,
        partition: i32,
    ) -> TransactionalProducer {
        let view = client.view();
        let broker = view.brokers.keys().next().expect("there is a broker");
        let connection = client.with_own_connections().connection(*broker).await;
        let mut producer = TransactionalProducer {
            connection: connection.expect("the broker is there"),
            transactional_id: transactional_id.to_owned(),
            topic: topic.to_owned(),
            partition,
            id: -1,
            epoch: -1,
        };
        let deadline = Instant::now() + PATIENCE;
        while !producer.init().await {
            assert!(Instant::now() < deadline, "no coordinator of transactions");
            sleep(REST).await;
        }
        producer
    }

    async fn init(&mut self) -> bool {
        let find = FindCoordinatorRequest::default()
            .with_key_type(TRANSACTION)
            .with_key(text(&self.transactional_id));
        let told = self.connection.call_in(&find, FIND_VERSION).await;
        if told.expect("an answer").error_code != 0 {
            return false;
        }
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text(&self.transactional_id).into()))
            .with_transaction_timeout_ms(TIMEOUT_MS)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let told = self.connection.call_in(&request, INIT_VERSION).await;
        let told = told.expect("an answer");
        (self.id, self.epoch) = (told.producer_id.0, told.producer_epoch);
        told.error_code == 0
    }

    /// Writes a transaction's only batch: so many records, all with this value.
    pub async fn write(&self, records: i32, value: &[u8]) {
        let partition = PartitionProduceData::default()
            .with_index(self.partition)
            .with_records(Some(self.batch(records, value)));
        let topic = TopicProduceData::default()
            .with_name(text(&self.topic).into())
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(text(&self.transactional_id).into()))
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        loop {
            let told = self.connection.call_in(&request, PRODUCE_VERSION).await;
            let told = told.expect("an answer");
            if is_done(told.responses[0].partition_responses[0].error_code) {
                return;
            }
            sleep(REST).await;
        }
    }

    fn batch(&self, records: i32, value: &[u8]) -> Bytes {
        let stamp = ProducerStamp {
            producer_id: self.id,
            producer_epoch: self.epoch,
            base_sequence: 0,
            transactional: true,
        };
        let mut builder = BatchBuilder::new(Compression::None).with_producer(stamp);
        for _ in 0..records {
            builder.push(0, None, Some(value), &[]);
        }
        let batch = builder.build().expect("nothing is compressed");
        batch.to_bytes()
    }

    /// Ends the transaction, and may begin the next.
    pub async fn end(&mut self, commits: bool) {
        let request = EndTxnRequest::default()
            .with_transactional_id(text(&self.transactional_id).into())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_committed(commits);
        loop {
            let told = self.connection.call_in(&request, END_VERSION).await;
            let told = told.expect("an answer");
            if is_done(told.error_code) {
                (self.id, self.epoch) = (told.producer_id.0, told.producer_epoch);
                return;
            }
            sleep(REST).await;
        }
    }
}

/// Whether it was done; otherwise it is to be asked again.
fn is_done(code: i16) -> bool {
    let code = ErrorCode::from_code(code);
    let is_passing = code.retriable();
    assert!(
        is_passing || code == ErrorCode::None,
        "a transaction was refused: {code:?}"
    );
    !is_passing
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
