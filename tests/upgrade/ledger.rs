//! A topic of transactions: one that committed, one that aborted, and one that is open when the broker ends.

use std::time::Duration;

use bytes::Bytes;
use ottla_client::{Client, Connection, Isolation};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::{
    EndTxnRequest, FindCoordinatorRequest, InitProducerIdRequest, ProduceRequest, StrBytes,
};
use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};
use ottla_tests::client::create_topic;
use tokio::time::{Instant, sleep};

use crate::contents::read;

const TOPIC: &str = "ledger";
const FIND_VERSION: i16 = 3;
const INIT_VERSION: i16 = 4;
const PRODUCE_VERSION: i16 = 12;
const END_VERSION: i16 = 5;
/// What a key of FindCoordinator names.
const TRANSACTION: i8 = 1;
const REST: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest that brokers allow: the one that is open stays so.
const TIMEOUT_MS: i32 = 900_000;

pub(crate) async fn fill(client: &Client) {
    create_topic(client, TOPIC, 1, &[]).await;
    for (id, end) in [
        ("paid", Some(true)),
        ("refused", Some(false)),
        ("open", None),
    ] {
        let mut producer = Producer::begin(client, id).await;
        producer.write(id).await;
        if let Some(commits) = end {
            producer.end(commits).await;
        }
    }
}

/// What committed is there, what aborted is not, and what was open is ended by whoever goes on under its name.
pub(crate) async fn check(client: &Client) {
    Producer::begin(client, "open").await;
    let all = read(client, TOPIC, 0, Isolation::ReadUncommitted).await;
    let all: Vec<_> = all.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(all, [Some(&b"paid"[..]), Some(b"refused"), Some(b"open")]);
    let committed = read(client, TOPIC, 0, Isolation::ReadCommitted).await;
    let committed: Vec<_> = committed.iter().map(|it| it.value.as_deref()).collect();
    assert_eq!(committed, [Some(&b"paid"[..])]);
}

struct Producer {
    connection: Connection,
    transactional_id: &'static str,
    id: i64,
    epoch: i16,
}

impl Producer {
    /// One that may begin, on a cluster of one broker. What was open under its name is aborted.
    async fn begin(client: &Client, transactional_id: &'static str) -> Producer {
        let view = client.view();
        let broker = view.brokers.keys().next().expect("there is a broker");
        let connection = client.with_own_connections().connection(*broker).await;
        let mut producer = Producer {
            connection: connection.expect("the broker is there"),
            transactional_id,
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
            .with_key(text(self.transactional_id));
        let told = self.connection.call_in(&find, FIND_VERSION).await;
        if told.expect("an answer").error_code != 0 {
            return false;
        }
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(text(self.transactional_id).into()))
            .with_transaction_timeout_ms(TIMEOUT_MS)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let told = self.connection.call_in(&request, INIT_VERSION).await;
        let told = told.expect("an answer");
        (self.id, self.epoch) = (told.producer_id.0, told.producer_epoch);
        told.error_code == 0
    }

    async fn write(&self, value: &str) {
        let partition = PartitionProduceData::default()
            .with_index(0)
            .with_records(Some(self.batch(value)));
        let topic = TopicProduceData::default()
            .with_name(text(TOPIC).into())
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(text(self.transactional_id).into()))
            .with_acks(-1)
            .with_timeout_ms(30_000)
            .with_topic_data(vec![topic]);
        loop {
            let told = self.connection.call_in(&request, PRODUCE_VERSION).await;
            let told = told.expect("an answer");
            let code = told.responses[0].partition_responses[0].error_code;
            match ErrorCode::from_code(code) {
                ErrorCode::None => return,
                code if code.retriable() => sleep(REST).await,
                code => panic!("a write was refused: {code:?}"),
            }
        }
    }

    fn batch(&self, value: &str) -> Bytes {
        let stamp = ProducerStamp {
            producer_id: self.id,
            producer_epoch: self.epoch,
            base_sequence: 0,
            transactional: true,
        };
        let mut builder = BatchBuilder::new(Compression::None).with_producer(stamp);
        builder.push(0, None, Some(value.as_bytes()), &[]);
        let batch = builder.build().expect("nothing is compressed");
        batch.to_bytes()
    }

    async fn end(&mut self, commits: bool) {
        let request = EndTxnRequest::default()
            .with_transactional_id(text(self.transactional_id).into())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_committed(commits);
        loop {
            let told = self.connection.call_in(&request, END_VERSION).await;
            match ErrorCode::from_code(told.expect("an answer").error_code) {
                ErrorCode::None => return,
                code if code.retriable() => sleep(REST).await,
                code => panic!("an end was refused: {code:?}"),
            }
        }
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
