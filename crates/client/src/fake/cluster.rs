//! Two brokers with the logs of one topic behind them, which fail when and how a test orders it.
//!
//! Sequences are checked as Kafka checks them, so that a record that is sent twice shows as what it is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ottla_protocol::ErrorCode;
use ottla_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use ottla_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use ottla_protocol::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use ottla_protocol::messages::{
    FetchRequest, FetchResponse, InitProducerIdRequest, InitProducerIdResponse, ListOffsetsRequest,
    MetadataRequest, ProduceRequest, ProduceResponse, list_offsets_response,
};
use ottla_protocol::records::Batch;
use parking_lot::Mutex;

use super::answers::{metadata, metadata_topic, topic_id};
use super::broker::{Answer, FakeBroker};
use super::peer::Received;
use crate::address::Address;
use crate::client::Client;
use crate::config::ClientConfig;
use crate::wire::text;

/// The one topic.
pub(crate) const TOPIC: &str = "t";

const APIS: &[(i16, i16, i16)] = &[
    (0, 0, 13),
    (1, 4, 17),
    (2, 1, 10),
    (3, 0, 12),
    (18, 0, 4),
    (22, 0, 4),
];

/// What goes wrong with one Produce or Fetch request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The connection ends before the request is handled.
    Cut,
    /// The request is handled; the connection ends before the answer.
    CutAfter,
    /// This error for every partition, and nothing handled.
    Refuse(ErrorCode),
    /// The leader moves to the other broker, and this one says so.
    Move,
}

/// The logs and what else the brokers share.
#[derive(Default)]
struct State {
    logs: Vec<Log>,
    /// Broker 1 or 2 leads all partitions.
    leader: i32,
    epoch: i32,
    /// Whether a broker that does not lead says who does.
    tells: bool,
    produce_faults: VecDeque<Fault>,
    fetch_faults: VecDeque<Fault>,
    produce_requests: usize,
    producers: i64,
    addresses: Vec<(i32, Address)>,
}

#[derive(Default)]
struct Log {
    batches: Vec<Batch>,
    start: i64,
    end: i64,
    /// Last five batches by producer: epoch, first and last sequence, offset.
    recent: BTreeMap<i64, VecDeque<(i16, i32, i32, i64)>>,
}

/// The running brokers; they stop when dropped.
pub(crate) struct FakeCluster {
    state: Arc<Mutex<State>>,
    brokers: Vec<FakeBroker>,
}

impl FakeCluster {
    /// Starts with empty logs.
    pub(crate) async fn start(partitions: usize) -> Self {
        let state = Arc::new(Mutex::new(State {
            logs: (0..partitions).map(|_| Log::default()).collect(),
            leader: 1,
            ..State::default()
        }));
        let mut brokers = Vec::new();
        for id in 1..=2 {
            let (listener, address) = FakeBroker::listener().await;
            state.lock().addresses.push((id, address));
            let shared = state.clone();
            brokers.push(FakeBroker::start(listener, APIS, move |request| {
                shared.lock().answer(id, request)
            }));
        }
        FakeCluster { state, brokers }
    }

    /// A client that tries again at once.
    pub(crate) async fn client(&self) -> Client {
        self.client_that_waits(Duration::from_millis(1)).await
    }

    /// A client that waits so long before it tries again.
    pub(crate) async fn client_that_waits(&self, first: Duration) -> Client {
        let mut config = ClientConfig::new(vec![self.brokers[0].address.clone()]);
        config.backoff.first = first;
        config.backoff.longest = 5 * first;
        config.seed = Some(1);
        Client::connect(config).await.unwrap()
    }

    /// From now on a broker that does not lead says who does.
    pub(crate) fn tell_leaders(&self) {
        self.state.lock().tells = true;
    }

    /// The next Produce requests fail so.
    pub(crate) fn fail_produce(&self, faults: &[Fault]) {
        self.state.lock().produce_faults.extend(faults);
    }

    /// The next Fetch requests fail so.
    pub(crate) fn fail_fetch(&self, faults: &[Fault]) {
        self.state.lock().fetch_faults.extend(faults);
    }

    /// Values in a partition's log, in order.
    pub(crate) fn values(&self, partition: usize) -> Vec<String> {
        let state = self.state.lock();
        let records = state.logs[partition]
            .batches
            .iter()
            .flat_map(|batch| batch.records(1 << 20).unwrap());
        records
            .map(|record| String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap())
            .collect()
    }

    /// Produce requests handled or failed so far.
    pub(crate) fn produce_requests(&self) -> usize {
        self.state.lock().produce_requests
    }

    /// Deletes the batches of a partition that end before an offset.
    pub(crate) fn delete_before(&self, partition: usize, offset: i64) {
        let log = &mut self.state.lock().logs[partition];
        log.batches
            .retain(|batch| batch.header.next_offset() > offset);
        log.start = offset;
    }
}

impl State {
    fn answer(&mut self, broker: i32, request: &Received) -> Answer {
        if request.is::<MetadataRequest>() {
            let leaders = vec![(self.leader, self.epoch); self.logs.len()];
            let response = metadata(&self.addresses, vec![metadata_topic(TOPIC, &leaders)]);
            return Answer::Frame(request.answer::<MetadataRequest>(&response));
        }
        if request.is::<InitProducerIdRequest>() {
            self.producers += 1;
            let response = InitProducerIdResponse::default()
                .with_producer_id(self.producers.into())
                .with_producer_epoch(0);
            return Answer::Frame(request.answer::<InitProducerIdRequest>(&response));
        }
        if request.is::<ListOffsetsRequest>() {
            return self.list_offsets(request);
        }
        if request.is::<ProduceRequest>() {
            self.produce_requests += 1;
            let fault = self.produce_faults.pop_front();
            return self.with_fault(broker, fault, |state, refusal| {
                state.produce(request, refusal)
            });
        }
        let fault = self.fetch_faults.pop_front();
        self.with_fault(broker, fault, |state, refusal| {
            state.fetch(request, refusal)
        })
    }

    /// Handles a request, or lets it fail; `handle` is told the error for all partitions, if any.
    fn with_fault(
        &mut self,
        broker: i32,
        fault: Option<Fault>,
        handle: impl FnOnce(&mut State, Option<ErrorCode>) -> Answer,
    ) -> Answer {
        if matches!(fault, Some(Fault::Move)) {
            self.leader = 3 - self.leader;
            self.epoch += 1;
        }
        match fault {
            Some(Fault::Cut) => Answer::Close,
            Some(Fault::CutAfter) => {
                handle(self, None);
                Answer::Close
            }
            Some(Fault::Refuse(code)) => handle(self, Some(code)),
            _ if broker != self.leader => handle(self, Some(ErrorCode::NotLeaderOrFollower)),
            _ => handle(self, None),
        }
    }

    fn produce(&mut self, request: &Received, refusal: Option<ErrorCode>) -> Answer {
        let (_, body) = request.body::<ProduceRequest>();
        let mut partitions = Vec::new();
        for data in body
            .topic_data
            .into_iter()
            .flat_map(|topic| topic.partition_data)
        {
            let mut records = data.records.unwrap();
            let batch = Batch::split_from(&mut records).unwrap();
            batch.verify_crc().unwrap();
            let log = &mut self.logs[usize::try_from(data.index).unwrap()];
            let appended = refusal.map_or_else(|| log.append(batch), Err);
            let answer = PartitionProduceResponse::default().with_index(data.index);
            partitions.push(match appended {
                Ok(offset) => answer.with_base_offset(offset).with_log_append_time_ms(-1),
                Err(code) => answer
                    .with_base_offset(-1)
                    .with_error_code(code.code())
                    .with_current_leader(self.told_leader()),
            });
        }
        if body.acks == 0 {
            return Answer::Silence;
        }
        let topic = TopicProduceResponse::default()
            .with_topic_id(topic_id(TOPIC))
            .with_partition_responses(partitions);
        let response = ProduceResponse::default()
            .with_responses(vec![topic])
            .with_node_endpoints(self.endpoints());
        Answer::Frame(request.answer::<ProduceRequest>(&response))
    }

    /// Who leads, as a refusal says it.
    fn told_leader(&self) -> LeaderIdAndEpoch {
        let told = LeaderIdAndEpoch::default();
        if !self.tells {
            return told;
        }
        told.with_leader_id(self.leader.into())
            .with_leader_epoch(self.epoch)
    }

    fn endpoints(&self) -> Vec<NodeEndpoint> {
        let told = self.addresses.iter().filter(|_| self.tells);
        let endpoint = |(id, address): &(i32, Address)| {
            NodeEndpoint::default()
                .with_node_id((*id).into())
                .with_host(text(&address.host))
                .with_port(i32::from(address.port))
        };
        told.map(endpoint).collect()
    }

    fn fetch(&mut self, request: &Received, refusal: Option<ErrorCode>) -> Answer {
        let (_, body) = request.body::<FetchRequest>();
        let asked = body.topics.iter().flat_map(|topic| &topic.partitions);
        let partitions: Vec<PartitionData> = asked
            .map(|asked| {
                let log = &self.logs[usize::try_from(asked.partition).unwrap()];
                let read = refusal.map_or_else(|| log.read(asked.fetch_offset), Err);
                let data = PartitionData::default()
                    .with_partition_index(asked.partition)
                    .with_high_watermark(log.end)
                    .with_last_stable_offset(log.end);
                match read {
                    Ok(records) => data.with_records(Some(records)),
                    Err(code) => data
                        .with_error_code(code.code())
                        .with_records(Some(Bytes::new())),
                }
            })
            .collect();
        let has_news = partitions.iter().any(|data| {
            data.error_code != 0
                || data
                    .records
                    .as_ref()
                    .is_some_and(|records| !records.is_empty())
        });
        let topic = FetchableTopicResponse::default()
            .with_topic_id(topic_id(TOPIC))
            .with_partitions(partitions);
        let frame =
            request.answer::<FetchRequest>(&FetchResponse::default().with_responses(vec![topic]));
        if has_news {
            Answer::Frame(frame)
        } else {
            Answer::Poll(frame)
        }
    }

    fn list_offsets(&self, request: &Received) -> Answer {
        let (_, body) = request.body::<ListOffsetsRequest>();
        let topics = body.topics.iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let log = &self.logs[usize::try_from(asked.partition_index).unwrap()];
                let offset = if asked.timestamp == -2 {
                    log.start
                } else {
                    log.end
                };
                ListOffsetsPartitionResponse::default()
                    .with_partition_index(asked.partition_index)
                    .with_offset(offset)
            });
            ListOffsetsTopicResponse::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions.collect())
        });
        let response =
            list_offsets_response::ListOffsetsResponse::default().with_topics(topics.collect());
        Answer::Frame(request.answer::<ListOffsetsRequest>(&response.into()))
    }
}

impl Log {
    fn append(&mut self, mut batch: Batch) -> Result<i64, ErrorCode> {
        let header = &batch.header;
        if header.has_producer() {
            let recent = self.recent.entry(header.producer_id).or_default();
            let key = (
                header.producer_epoch,
                header.base_sequence,
                header.last_sequence(),
            );
            if let Some(known) = recent
                .iter()
                .find(|known| (known.0, known.1, known.2) == key)
            {
                return Ok(known.3);
            }
            let expected = match recent.back() {
                Some(last) if last.0 == key.0 => last.2 + 1,
                _ => 0,
            };
            if key.1 != expected {
                return Err(ErrorCode::OutOfOrderSequenceNumber);
            }
            recent.push_back((key.0, key.1, key.2, self.end));
            if recent.len() > 5 {
                recent.pop_front();
            }
        }
        batch.header.base_offset = self.end;
        self.end = batch.header.next_offset();
        let offset = batch.header.base_offset;
        self.batches.push(batch);
        Ok(offset)
    }

    fn read(&self, offset: i64) -> Result<Bytes, ErrorCode> {
        if offset < self.start || offset > self.end {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let mut records = BytesMut::new();
        for batch in self
            .batches
            .iter()
            .filter(|batch| batch.header.next_offset() > offset)
        {
            records.extend_from_slice(&batch.to_bytes());
        }
        Ok(records.freeze())
    }
}
