//! A transactional producer that speaks by the rules of either level of `transaction.version`.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_client::{Address, Client, Connection};
use ottla_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::txn_offset_commit::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use ottla_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, MetadataRequest, ProduceRequest, StrBytes, TransactionalId,
    TxnOffsetCommitRequest,
};
use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};
use ottla_protocol::{ErrorCode, NodeId};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use super::super::reach::REST;

/// How long what can be tried again is tried.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a transaction may take.
const TIMEOUT_MS: i32 = 8_000;
const FIND_VERSION: i16 = 3;
const METADATA_VERSION: i16 = 8;
const INIT_VERSION: i16 = 4;
const ADD_VERSION: i16 = 3;
const ADD_OFFSETS_VERSION: i16 = 3;
/// What a key of FindCoordinator names.
const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;

/// How a producer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// One epoch for all transactions.
    One,
    /// An epoch for each.
    Two,
}

/// How the end of a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it was asked.
    Done,
    /// Not so; the transaction is aborted, or will be, or was ended before as nobody knows.
    Refused,
}

/// Why something was not done: nothing can be done in this transaction any more but to abort it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed;

/// See the file's head.
pub(super) struct Producer {
    client: Client,
    transactional_id: String,
    level: Level,
    id: i64,
    epoch: i16,
    sequences: BTreeMap<(String, i32), i32>,
    /// What this transaction has written to.
    added: Vec<(String, i32)>,
    /// As far as is known.
    leaders: Mutex<BTreeMap<(String, i32), Address>>,
}

impl Producer {
    /// One that fences all before it.
    pub(super) async fn begin(
        client: &Client,
        transactional_id: &str,
        level: Level,
    ) -> Option<Producer> {
        let mut producer = Producer {
            client: client.clone(),
            transactional_id: transactional_id.to_owned(),
            level,
            id: -1,
            epoch: -1,
            sequences: BTreeMap::new(),
            added: Vec::new(),
            leaders: Mutex::default(),
        };
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(producer.name()))
            .with_transaction_timeout_ms(TIMEOUT_MS)
            .with_producer_id((-1).into())
            .with_producer_epoch(-1);
        let told = producer
            .persist(async |producer| {
                let connection = producer.coordinator(TRANSACTION, transactional_id).await?;
                let told = connection.call_in(&request, INIT_VERSION).await.ok()?;
                tracing::debug!(?told, transactional_id, "begins");
                (told.error_code == 0).then_some(told)
            })
            .await?;
        (producer.id, producer.epoch) = (told.producer_id.0, told.producer_epoch);
        Some(producer)
    }

    fn name(&self) -> TransactionalId {
        text(&self.transactional_id).into()
    }

    /// Tries until it is done, or for long enough.
    async fn persist<T>(&self, mut attempt: impl AsyncFnMut(&Producer) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(done) = attempt(self).await {
                return Some(done);
            }
            if Instant::now() > deadline {
                return None;
            }
            sleep(REST / 4).await;
        }
    }

    /// A connection to whoever coordinates a group or a transactional id.
    async fn coordinator(&self, kind: i8, key: &str) -> Option<Connection> {
        let request = FindCoordinatorRequest::default()
            .with_key_type(kind)
            .with_key(text(key));
        for connection in self.brokers().await {
            let Ok(told) = connection.call_in(&request, FIND_VERSION).await else {
                continue;
            };
            if told.error_code == 0 {
                let port = u16::try_from(told.port).ok()?;
                let address = Address::new(told.host.to_string(), port);
                return self.client.connection_at(&address).await.ok();
            }
        }
        None
    }

    /// Writes a record to a partition as part of the transaction.
    pub(super) async fn write(
        &mut self,
        topic: &str,
        partition: i32,
        value: &str,
    ) -> Result<(), Failed> {
        let place = (topic.to_owned(), partition);
        if self.level == Level::One && !self.added.contains(&place) {
            self.add(topic, partition).await?;
        }
        self.added.push(place.clone());
        let sequence = self.sequences.get(&place).copied().unwrap_or(0);
        let request = self.produce_request(topic, partition, value, sequence);
        let version = match self.level {
            Level::One => 11,
            Level::Two => 12,
        };
        let code = self
            .persist(async |producer| {
                let leader = producer.leader(topic, partition).await?;
                let told = leader.call_in(&request, version).await;
                if told.is_err() {
                    producer.leaders.lock().clear();
                }
                let code = told
                    .ok()
                    .map(|told| told.responses[0].partition_responses[0].error_code);
                producer.judge("a write", code)
            })
            .await;
        match code {
            Some(ErrorCode::None) => {
                self.sequences.insert(place, sequence + 1);
                Ok(())
            }
            _ => Err(Failed),
        }
    }

    pub(super) fn produce_request(
        &self,
        topic: &str,
        partition: i32,
        value: &str,
        sequence: i32,
    ) -> ProduceRequest {
        let mut builder = BatchBuilder::new(Compression::None).with_producer(ProducerStamp {
            producer_id: self.id,
            producer_epoch: self.epoch,
            base_sequence: sequence,
            transactional: true,
        });
        builder.push(0, None, Some(value.as_bytes()), &[]);
        let batch = builder.build().expect("nothing is compressed");
        let partition = PartitionProduceData::default()
            .with_index(partition)
            .with_records(Some(batch.to_bytes()));
        let topic = TopicProduceData::default()
            .with_name(text(topic).into())
            .with_partition_data(vec![partition]);
        ProduceRequest::default()
            .with_transactional_id(Some(self.name()))
            .with_acks(-1)
            .with_timeout_ms(2_000)
            .with_topic_data(vec![topic])
    }

    /// A connection to the leader of a partition, by the word of some broker.
    async fn leader(&self, topic: &str, partition: i32) -> Option<Connection> {
        let place = (topic.to_owned(), partition);
        let known = self.leaders.lock().get(&place).cloned();
        let address = match known {
            Some(address) => address,
            None => self.find_leader(topic, partition).await?,
        };
        let connection = self.client.connection_at(&address).await.ok();
        if connection.is_some() {
            self.leaders.lock().insert(place, address);
        }
        connection
    }

    async fn find_leader(&self, topic: &str, partition: i32) -> Option<Address> {
        let topic = MetadataRequestTopic::default().with_name(Some(text(topic).into()));
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        for connection in self.brokers().await {
            let Ok(told) = connection.call_in(&request, METADATA_VERSION).await else {
                continue;
            };
            let partitions = told.topics.first()?.partitions.iter();
            let leader = partitions
                .filter(|it| it.partition_index == partition)
                .map(|it| it.leader_id)
                .next()?;
            let broker = told.brokers.iter().find(|it| it.node_id == leader)?;
            let port = u16::try_from(broker.port).ok()?;
            return Some(Address::new(broker.host.to_string(), port));
        }
        None
    }

    /// Connections to those brokers that can be reached.
    async fn brokers(&self) -> Vec<Connection> {
        let all: Vec<NodeId> = self.client.view().brokers.keys().copied().collect();
        let mut reached = Vec::new();
        for broker in all {
            reached.extend(self.client.connection(broker).await.ok());
        }
        reached
    }

    /// The code, unless it is one to try again after.
    fn judge(&self, what: &str, code: Option<i16>) -> Option<ErrorCode> {
        let code = ErrorCode::from_code(code?);
        if code != ErrorCode::None {
            let (id, epoch) = (self.id, self.epoch);
            tracing::debug!(what, ?code, id, epoch, "was refused");
        }
        if code != ErrorCode::None {
            self.leaders.lock().clear();
        }
        let is_final = code == ErrorCode::None || !code.retriable();
        is_final.then_some(code)
    }

    async fn add(&mut self, topic: &str, partition: i32) -> Result<(), Failed> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(text(topic).into())
            .with_partitions(vec![partition]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.name())
            .with_v3_and_below_producer_id(self.id.into())
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let code = self
            .persist(async |producer| {
                let id = &producer.transactional_id;
                let connection = producer.coordinator(TRANSACTION, id).await?;
                let told = connection.call_in(&request, ADD_VERSION).await.ok()?;
                let topic = &told.results_by_topic_v3_and_below[0];
                let code = topic.results_by_partition[0].partition_error_code;
                producer.judge("an addition", Some(code))
            })
            .await;
        match code {
            Some(ErrorCode::None) => Ok(()),
            _ => Err(Failed),
        }
    }

    /// Commits an offset of a group as part of the transaction.
    pub(super) async fn commit_offset(
        &mut self,
        group: &str,
        topic: &str,
        offset: i64,
    ) -> Result<(), Failed> {
        if self.level == Level::One {
            self.add_offsets(group).await?;
        }
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_committed_offset(offset)
            .with_committed_leader_epoch(-1);
        let request = TxnOffsetCommitRequest {
            transactional_id: self.name(),
            group_id: text(group).into(),
            producer_id: self.id.into(),
            producer_epoch: self.epoch,
            topics: vec![TxnOffsetCommitRequestTopic {
                name: text(topic).into(),
                partitions: vec![partition],
                ..TxnOffsetCommitRequestTopic::default()
            }],
            ..TxnOffsetCommitRequest::default()
        };
        let version = match self.level {
            Level::One => 4,
            Level::Two => 5,
        };
        let code = self
            .persist(async |producer| {
                let connection = producer.coordinator(GROUP, group).await?;
                let told = connection.call_in(&request, version).await.ok()?;
                let code = told.topics[0].partitions[0].error_code;
                producer.judge("an offset", Some(code))
            })
            .await;
        match code {
            Some(ErrorCode::None) => Ok(()),
            _ => Err(Failed),
        }
    }

    async fn add_offsets(&mut self, group: &str) -> Result<(), Failed> {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.name())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_group_id(text(group).into());
        let code = self
            .persist(async |producer| {
                let id = &producer.transactional_id;
                let connection = producer.coordinator(TRANSACTION, id).await?;
                let told = connection
                    .call_in(&request, ADD_OFFSETS_VERSION)
                    .await
                    .ok()?;
                producer.judge("an addition", Some(told.error_code))
            })
            .await;
        match code {
            Some(ErrorCode::None) => Ok(()),
            _ => Err(Failed),
        }
    }

    /// Ends the transaction; `None` if nobody knows how.
    pub(super) async fn end(&mut self, commits: bool) -> Option<Ended> {
        let request = self.end_request(commits);
        let version = self.end_version();
        let (code, id, epoch) = self
            .persist(async |producer| {
                let id = &producer.transactional_id;
                let connection = producer.coordinator(TRANSACTION, id).await?;
                let told = connection.call_in(&request, version).await.ok()?;
                let code = producer.judge("an end", Some(told.error_code))?;
                Some((code, told.producer_id.0, told.producer_epoch))
            })
            .await?;
        self.added.clear();
        if code != ErrorCode::None {
            return Some(Ended::Refused);
        }
        if self.level == Level::Two {
            (self.id, self.epoch) = (id, epoch);
            self.sequences.clear();
        }
        Some(Ended::Done)
    }

    fn end_request(&self, commits: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(self.name())
            .with_producer_id(self.id.into())
            .with_producer_epoch(self.epoch)
            .with_committed(commits)
    }

    fn end_version(&self) -> i16 {
        match self.level {
            Level::One => 4,
            Level::Two => 5,
        }
    }

    /// The end of this transaction as it is sent now and arrives later. It seems to be lost: what the producer says from
    /// now on it says on new connections.
    pub(super) async fn late(&mut self, commits: bool) -> Option<Late> {
        let anew = self.client.with_own_connections();
        let apart = Producer {
            client: std::mem::replace(&mut self.client, anew),
            transactional_id: self.transactional_id.clone(),
            level: self.level,
            id: self.id,
            epoch: self.epoch,
            sequences: BTreeMap::new(),
            added: Vec::new(),
            leaders: Mutex::default(),
        };
        let connection = apart
            .coordinator(TRANSACTION, &apart.transactional_id)
            .await?;
        Some(Late {
            connection,
            end: self.end_request(commits),
            version: self.end_version(),
        })
    }
}

/// The end of a transaction that is on its way for long.
pub(super) struct Late {
    connection: Connection,
    end: EndTxnRequest,
    version: i16,
}

impl Late {
    /// It arrives now; whatever the answer is.
    pub(super) async fn arrive(self) {
        let told = self.connection.call_in(&self.end, self.version).await;
        tracing::debug!(?told, "an end came late");
    }
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
