//! A node in this process and a client that says exactly what it is told to, for tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ottla_platform::disk::{self, Disk};
use ottla_platform::net::{Socket, connect};
use ottla_protocol::exchange::{decode_response, encode_request};
use ottla_protocol::frame::FrameDecoder;
use ottla_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use ottla_protocol::messages::create_topics_response::CreatableTopicConfigs;
use ottla_protocol::messages::metadata_request::MetadataRequestTopic;
use ottla_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use ottla_protocol::messages::produce_response::PartitionProduceResponse;
use ottla_protocol::messages::{
    ApiRequest, CreateTopicsRequest, DeleteTopicsRequest, MetadataRequest, ProduceRequest,
    StrBytes, TopicName,
};
use ottla_protocol::records::{BatchBuilder, Compression, ProducerStamp};
use ottla_protocol::{ErrorCode, NodeId};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use uuid::Uuid;

use super::{Node, NodeOptions};
use crate::authorize::Gate;
use crate::config::{Config, Flags, Sources};
use crate::context::Broker;
use crate::loggers::Loggers;

/// How long anything may take that is going to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A node with a directory of its own, and a client of it.
pub(crate) struct TestNode {
    directory: Arc<TempDir>,
    setup: Setup,
    pub(crate) node: Node,
}

/// What a node is told.
#[derive(Clone)]
struct Setup {
    listeners: Vec<String>,
    settings: Vec<String>,
    /// Where it listens for other nodes, if that matters.
    peer: Option<String>,
    /// Where it looks for other nodes.
    seeds: String,
}

impl TestNode {
    /// A node that survives no power cut, with these settings.
    pub(crate) async fn start(settings: &[&str]) -> TestNode {
        TestNode::start_with(Gate::default(), &["127.0.0.1:0"], settings).await
    }

    /// A node behind a gate.
    pub(crate) async fn start_behind(gate: Gate, settings: &[&str]) -> TestNode {
        TestNode::start_with(gate, &["127.0.0.1:0"], settings).await
    }

    /// A node with these listeners.
    pub(crate) async fn start_listening(listeners: &[&str], settings: &[&str]) -> TestNode {
        TestNode::start_with(Gate::default(), listeners, settings).await
    }

    /// One of several nodes: its number, where it listens for the others, and where it looks for them.
    pub(crate) async fn start_among(node_id: i32, port: u16, seeds: &[u16]) -> TestNode {
        TestNode::start_among_with(node_id, port, seeds, &[]).await
    }

    /// The same with settings of its own.
    pub(crate) async fn start_among_with(
        node_id: i32,
        port: u16,
        seeds: &[u16],
        settings: &[&str],
    ) -> TestNode {
        TestNode::start_among_on(disk::system(), node_id, port, seeds, settings).await
    }

    /// The same on this disk.
    pub(crate) async fn start_among_on(
        disk: Arc<dyn Disk>,
        node_id: i32,
        port: u16,
        seeds: &[u16],
        settings: &[&str],
    ) -> TestNode {
        let directory = Arc::new(TempDir::new().unwrap());
        let settings = [settings, &["offsets.topic.num.partitions=3"]].concat();
        let mut setup = Setup::new(&["127.0.0.1:0"], &settings);
        setup.settings.push(format!("node.id={node_id}"));
        setup.peer = Some(format!("127.0.0.1:{port}"));
        let seeds = seeds.iter().map(|port| format!("127.0.0.1:{port}"));
        setup.seeds = seeds.collect::<Vec<_>>().join(",");
        let options = NodeOptions {
            disk,
            ..setup.options(&directory, Gate::default())
        };
        let node = timeout(PATIENCE, Node::start(options)).await;
        TestNode {
            directory,
            setup,
            node: node.expect("a start in time").unwrap(),
        }
    }

    async fn start_with(gate: Gate, listeners: &[&str], settings: &[&str]) -> TestNode {
        let directory = Arc::new(TempDir::new().unwrap());
        let setup = Setup::new(listeners, settings);
        let node = Node::start(setup.options(&directory, gate)).await.unwrap();
        TestNode {
            directory,
            setup,
            node,
        }
    }

    /// What a node on this port, in a directory of its own, would be started with.
    pub(crate) fn options_on(port: u16) -> (TempDir, NodeOptions) {
        let directory = TempDir::new().unwrap();
        let setup = Setup::new(&[&format!("127.0.0.1:{port}")], &[]);
        let options = setup.options(&directory, Gate::default());
        (directory, options)
    }

    /// The same node after a stop in order.
    pub(crate) async fn restarted(self) -> TestNode {
        self.restarted_after(|_| ()).await
    }

    /// The same node after a stop in order and something that was done to its data meanwhile.
    pub(crate) async fn restarted_after(self, meanwhile: impl FnOnce(&Path)) -> TestNode {
        let TestNode {
            directory,
            setup,
            node,
        } = self;
        timeout(PATIENCE, node.shutdown())
            .await
            .expect("a stop in time")
            .unwrap();
        meanwhile(&directory.path().join("data"));
        let node = Node::start(setup.options(&directory, Gate::default()))
            .await
            .unwrap();
        TestNode {
            directory,
            setup,
            node,
        }
    }

    /// What the same node would be started with after a stop in order, and where its data is.
    pub(crate) async fn stopped(self) -> (NodeOptions, Arc<TempDir>) {
        let options = self.setup.options(&self.directory, Gate::default());
        timeout(PATIENCE, self.node.shutdown())
            .await
            .expect("a stop in time")
            .unwrap();
        (options, self.directory)
    }

    /// What another node would be started with on this node's directory, looking for others there.
    pub(crate) fn elsewhere_options(&self, seed: u16) -> NodeOptions {
        let mut setup = self.setup.clone();
        setup.seeds = format!("127.0.0.1:{seed}");
        setup.options(&self.directory, Gate::default())
    }

    /// What a second node on the same directory would be started with.
    pub(crate) fn rival_options(&self, settings: &[&str]) -> NodeOptions {
        let mut setup = self.setup.clone();
        setup
            .settings
            .extend(settings.iter().map(|&setting| setting.to_owned()));
        setup.options(&self.directory, Gate::default())
    }

    /// Its number.
    pub(crate) fn id(&self) -> NodeId {
        self.node.broker.node_id
    }

    /// Its parts.
    pub(crate) fn broker(&self) -> &Arc<Broker> {
        &self.node.broker
    }

    /// The page that a scrape gets.
    pub(crate) fn metrics(&self) -> String {
        self.node.broker.metrics.render()
    }

    pub(crate) async fn client(&self) -> TestClient {
        self.client_of(0).await
    }

    /// A client of one of the listeners.
    pub(crate) async fn client_of(&self, listener: usize) -> TestClient {
        let (_, address) = &self.node.listeners()[listener];
        let socket = connect("127.0.0.1", address.port()).await.unwrap();
        TestClient {
            socket,
            received: BytesMut::new(),
            last_id: 0,
        }
    }
}

impl Setup {
    fn new(listeners: &[&str], settings: &[&str]) -> Setup {
        let all = ["ottla.flush=async"].iter().chain(settings);
        Setup {
            listeners: listeners
                .iter()
                .map(|&listener| listener.to_owned())
                .collect(),
            settings: all.map(|&setting| setting.to_owned()).collect(),
            peer: None,
            seeds: String::new(),
        }
    }

    fn options(&self, directory: &TempDir, gate: Gate) -> NodeOptions {
        let flags = Flags {
            listen: self.listeners.clone(),
            advertise: Vec::new(),
            data: Some(directory.path().join("data").display().to_string()),
            http: Some("none".to_owned()),
            peer_listen: Some(self.peer.clone().unwrap_or("127.0.0.1:0".to_owned())),
            join: (!self.seeds.is_empty()).then(|| self.seeds.clone()),
            set: self.settings.clone(),
            ..Flags::default()
        };
        let sources = Sources {
            flags,
            environment: Vec::new(),
            file: None,
            host_name: "localhost".to_owned(),
        };
        let built = Config::build(sources).unwrap();
        NodeOptions {
            gate,
            ..NodeOptions::system(Arc::new(built.config), Loggers::new("info", |_| Ok(())))
        }
    }
}

/// One connection.
pub(crate) struct TestClient {
    socket: Socket,
    received: BytesMut,
    last_id: i32,
}

impl TestClient {
    /// Sends a request and reads its response; `None` if the connection was closed instead.
    pub(crate) async fn try_ask<R: ApiRequest>(
        &mut self,
        version: i16,
        request: &R,
    ) -> Option<R::Response> {
        self.send(version, request).await;
        let frame = self.frame().await?;
        let (id, response) = decode_response::<R>(version, frame).unwrap();
        assert_eq!(id, self.last_id, "responses come in order");
        Some(response)
    }

    pub(crate) async fn ask<R: ApiRequest>(&mut self, version: i16, request: &R) -> R::Response {
        self.try_ask(version, request).await.expect("a response")
    }

    /// Sends a request and reads nothing.
    pub(crate) async fn send<R: ApiRequest>(&mut self, version: i16, request: &R) {
        self.last_id += 1;
        let frame = encode_request(version, self.last_id, Some("test"), request).unwrap();
        self.socket.write_all(&frame).await.unwrap();
    }

    /// Reads a response to what was sent last.
    pub(crate) async fn answer<R: ApiRequest>(&mut self, version: i16) -> R::Response {
        let frame = self.frame().await.expect("a response");
        decode_response::<R>(version, frame).unwrap().1
    }

    async fn frame(&mut self) -> Option<Bytes> {
        let decoder = FrameDecoder::new(1 << 30);
        loop {
            if let Some(frame) = decoder.decode(&mut self.received).unwrap() {
                return Some(frame);
            }
            let read = timeout(PATIENCE, self.socket.read_buf(&mut self.received)).await;
            if read.expect("an answer or the end in time").unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    /// Creates a topic; its id.
    pub(crate) async fn create(
        &mut self,
        name: &str,
        partitions: i32,
        configs: &[(&str, &str)],
    ) -> Uuid {
        let request = create_request(vec![new_topic(name, partitions, 1, configs)]);
        let response = self.ask(7, &request).await;
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
        response.topics[0].topic_id
    }

    /// Creates a topic; the configurations that it is told to have.
    pub(crate) async fn create_told(
        &mut self,
        name: &str,
        configs: &[(&str, &str)],
    ) -> Vec<CreatableTopicConfigs> {
        let request = create_request(vec![new_topic(name, 1, 1, configs)]);
        let mut response = self.ask(7, &request).await;
        assert_eq!(response.topics[0].error_code, 0, "{response:?}");
        response.topics.remove(0).configs.unwrap()
    }

    /// Deletes a topic.
    pub(crate) async fn delete(&mut self, name: &str) {
        let request = DeleteTopicsRequest::default()
            .with_timeout_ms(20_000)
            .with_topic_names(vec![topic_name(name)]);
        let response = self.ask(5, &request).await;
        assert_eq!(response.responses[0].error_code, 0, "{response:?}");
    }

    /// Produces with acks=all; the answer for the partition.
    pub(crate) async fn produce(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let request = produce_request(-1, topic, Uuid::nil(), partition, Some(records));
        let mut response = self.ask(9, &request).await;
        response.responses.remove(0).partition_responses.remove(0)
    }

    /// The id of a topic.
    pub(crate) async fn topic_id(&mut self, name: &str) -> Uuid {
        let request = metadata_request(Some(&[name]), false);
        self.ask(12, &request).await.topics[0].topic_id
    }
}

pub(crate) fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub(crate) fn topic_name(name: &str) -> TopicName {
    text(name).into()
}

/// A batch of values without keys, now.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    keyed_batch(
        &values
            .iter()
            .map(|&value| (None, value))
            .collect::<Vec<_>>(),
        None,
    )
}

/// A batch of an idempotent producer.
pub(crate) fn stamped_batch(values: &[&str], id: i64, epoch: i16, sequence: i32) -> Bytes {
    let stamp = ProducerStamp {
        producer_id: id,
        producer_epoch: epoch,
        base_sequence: sequence,
        transactional: false,
    };
    let values: Vec<_> = values.iter().map(|&value| (None, value)).collect();
    keyed_batch(&values, Some(stamp))
}

pub(crate) fn keyed_batch(records: &[(Option<&str>, &str)], stamp: Option<ProducerStamp>) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    if let Some(stamp) = stamp {
        builder = builder.with_producer(stamp);
    }
    let now_ms = now_ms();
    for (key, value) in records {
        builder.push(now_ms, key.map(str::as_bytes), Some(value.as_bytes()), &[]);
    }
    builder.build().unwrap().to_bytes()
}

pub(crate) fn now_ms() -> i64 {
    use ottla_platform::clock::{Clock, SystemClock};
    SystemClock::default().now_ms()
}

pub(crate) fn produce_request(
    acks: i16,
    topic: &str,
    topic_id: Uuid,
    partition: i32,
    records: Option<Bytes>,
) -> ProduceRequest {
    let partition = PartitionProduceData::default()
        .with_index(partition)
        .with_records(records);
    let topic = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_topic_id(topic_id)
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(20_000)
        .with_topic_data(vec![topic])
}

pub(crate) fn new_topic(
    name: &str,
    partitions: i32,
    replication_factor: i16,
    configs: &[(&str, &str)],
) -> CreatableTopic {
    let configs = configs.iter().map(|(key, value)| {
        CreatableTopicConfig::default()
            .with_name(text(key))
            .with_value(Some(text(value)))
    });
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(replication_factor)
        .with_configs(configs.collect())
}

pub(crate) fn create_request(topics: Vec<CreatableTopic>) -> CreateTopicsRequest {
    CreateTopicsRequest::default()
        .with_topics(topics)
        .with_timeout_ms(20_000)
}

pub(crate) fn metadata_request(names: Option<&[&str]>, create: bool) -> MetadataRequest {
    let topic = |name: &&str| MetadataRequestTopic::default().with_name(Some(topic_name(name)));
    let topics = names.map(|names| names.iter().map(topic).collect());
    MetadataRequest::default()
        .with_topics(topics)
        .with_allow_auto_topic_creation(create)
}

/// Names of error codes, so that a table of expectations can be read.
pub(crate) fn name_of(code: i16) -> &'static str {
    ErrorCode::from_code(code).name()
}
