//! A metadata machine on the rig, for the tests of the operations: every record goes through its
//! bytes, and after every step the log must fold to the image.

use std::sync::Arc;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::{NodeId, TopicId};
use ottla_statemachine::Limits;
use ottla_statemachine::rig::Rig;
use uuid::Uuid;

use crate::image::Image;
use crate::machine::{Input, Metadata, Reply};
use crate::operations::*;
use crate::record::{self, BrokerEndpoint};

pub(crate) const CLUSTER: &str = "cluster-of-tests";

/// A founded cluster with brokers 1 to `brokers`, each with one log directory.
pub(crate) fn cluster(brokers: i32) -> Rig<Metadata> {
    let persist = |record: &_| record::decode(&record::encode(record)).unwrap();
    let mut rig = Rig::new(Image::default(), Limits::default(), persist);
    let found = Found {
        cluster_id: CLUSTER.into(),
        features: Vec::new(),
    };
    assert_eq!(rig.ask(Input::Found(found)), Reply::Found(Ok(())));
    for id in 1..=brokers {
        let reply = rig.ask(Input::RegisterBroker(registration(id)));
        assert!(matches!(reply, Reply::RegisterBroker(Ok(_))), "{reply:?}");
    }
    rig
}

/// What broker `id` says of itself.
pub(crate) fn registration(id: i32) -> RegisterBroker {
    RegisterBroker {
        starts: 1,
        cluster_id: CLUSTER.into(),
        broker: NodeId(id),
        incarnation_id: Uuid::from_u128(0xabc0_0000 + u128::from(id.unsigned_abs())),
        endpoints: vec![BrokerEndpoint {
            name: "PLAINTEXT".into(),
            host: format!("broker-{id}"),
            port: 9092,
            security_protocol: 0,
        }],
        features: Vec::new(),
        rack: None,
        directories: vec![directory(id)],
    }
}

/// The log directory of broker `id`.
pub(crate) fn directory(id: i32) -> Uuid {
    Uuid::from_u128(0xd1_0000 + u128::from(id.unsigned_abs()))
}

pub(crate) fn topic_id(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(0x7070_0000 + number))
}

/// A topic with an id made from its name.
pub(crate) fn new_topic(name: &str, num_partitions: i32, replication_factor: i16) -> NewTopic {
    let number = name.bytes().fold(1, |sum: u128, byte| {
        (sum * 257 + u128::from(byte)) % (1 << 60)
    });
    NewTopic {
        name: name.into(),
        id: topic_id(number),
        num_partitions,
        replication_factor,
        assignments: Vec::new(),
        grows: false,
        configs: Vec::new(),
    }
}

pub(crate) fn create(topics: Vec<NewTopic>) -> CreateTopics {
    CreateTopics {
        topics,
        validate_only: false,
        defaults: Arc::new(CreationDefaults::default()),
    }
}

pub(crate) fn ask_create(rig: &mut Rig<Metadata>, create: CreateTopics) -> Vec<TopicOutcome> {
    match rig.ask(Input::CreateTopics(create)) {
        Reply::CreateTopics(outcomes) => outcomes,
        other => panic!("{other:?}"),
    }
}

/// Creates one topic.
pub(crate) fn create_one(
    rig: &mut Rig<Metadata>,
    topic: NewTopic,
) -> Result<CreatedTopic, Refused> {
    let outcomes = ask_create(rig, create(vec![topic]));
    let [outcome] = outcomes.try_into().unwrap();
    outcome.result
}

/// The code and, for the reader of a failure, the words.
#[track_caller]
pub(crate) fn assert_refused<T: std::fmt::Debug>(result: Result<T, Refused>, code: ErrorCode) {
    let refused = result.unwrap_err();
    assert_eq!(refused.code, code, "{}", refused.message);
    assert!(!refused.message.is_empty());
}
