//! What librdkafka's admin client does.

use futures::executor::block_on;
use ottla_tests::{Broker, Suite, wait};
use rdkafka::admin::{AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::BaseRecord;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;

use crate::clients::{PATIENCE, Sender, admin, config, create_topic, options};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("topics_are_created_and_deleted", topics)
        .case("bad_topics_are_refused", bad_topics)
        .case("partitions_are_added", partitions)
        .case("configs_are_described", configs)
        .case("configs_are_replaced", replaced)
        .case("records_are_deleted", records);
}

fn topics(broker: &Broker) {
    let topic = "rdkafka-life";
    create_topic(broker, topic, &[("retention.ms", "1000")]);
    let deleted = block_on(admin(broker).delete_topics(&[topic], &options()));
    assert_eq!(deleted.expect("the broker answers"), [Ok(topic.to_owned())]);
    let again = block_on(admin(broker).delete_topics(&[topic], &options()));
    assert_eq!(
        again.expect("the broker answers"),
        [Err((
            topic.to_owned(),
            RDKafkaErrorCode::UnknownTopicOrPartition
        ))]
    );
}

fn bad_topics(broker: &Broker) {
    create_topic(broker, "rdkafka-there", &[]);
    let named = |name| NewTopic::new(name, 1, TopicReplication::Fixed(1));
    for (wanted, code) in [
        (named("rdkafka-there"), RDKafkaErrorCode::TopicAlreadyExists),
        (named("rdkafka/bad"), RDKafkaErrorCode::InvalidTopic),
        (
            NewTopic::new("rdkafka-bad", 1, TopicReplication::Fixed(3)),
            RDKafkaErrorCode::InvalidReplicationFactor,
        ),
        (
            named("rdkafka-bad").set("retention.ms", "soon"),
            RDKafkaErrorCode::InvalidConfig,
        ),
    ] {
        let refused = block_on(admin(broker).create_topics([&wanted], &options()))
            .expect("the broker answers");
        assert_eq!(refused, [Err((wanted.name.to_owned(), code))]);
    }
}

fn partitions(broker: &Broker) {
    let topic = "rdkafka-grows";
    create_topic(broker, topic, &[]);
    let wanted = NewPartitions::new(topic, 3);
    let grown = block_on(admin(broker).create_partitions([&wanted], &options()));
    assert_eq!(grown.expect("the broker answers"), [Ok(topic.to_owned())]);
    let refused = block_on(admin(broker).create_partitions([&wanted], &options()));
    assert_eq!(
        refused.expect("the broker answers"),
        [Err((topic.to_owned(), RDKafkaErrorCode::InvalidPartitions))]
    );
}

fn configs(broker: &Broker) {
    let topic = "rdkafka-configs";
    create_topic(broker, topic, &[("retention.ms", "1234")]);
    let resource = ResourceSpecifier::Topic(topic);
    let described = block_on(admin(broker).describe_configs([&resource], &options()))
        .expect("the broker answers")
        .pop()
        .expect("one resource was asked for")
        .expect("the topic is there");
    let entry = |name| described.get(name).expect("the setting is described");
    assert_eq!(entry("retention.ms").value.as_deref(), Some("1234"));
    assert!(!entry("retention.ms").is_default);
    assert_eq!(entry("cleanup.policy").value.as_deref(), Some("delete"));
    assert!(entry("cleanup.policy").is_default);
}

/// The old request, which the Java client has lost: what is not named goes back to its default.
fn replaced(broker: &Broker) {
    let topic = "rdkafka-replaced";
    create_topic(broker, topic, &[("retention.ms", "1234")]);
    let alter = |key, value| {
        let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set(key, value);
        let mut altered = block_on(admin(broker).alter_configs([&change], &options()))
            .expect("the broker answers");
        altered.pop().expect("one resource was named")
    };
    assert!(alter("flush.messages", "7").is_ok());
    let value = |key| {
        let resource = ResourceSpecifier::Topic(topic);
        let described = block_on(admin(broker).describe_configs([&resource], &options()));
        let described = described.expect("the broker answers").pop();
        let described = described.expect("one resource was asked for");
        let described = described.expect("the topic is there");
        described.get(key).and_then(|entry| entry.value.clone())
    };
    wait::until("the new setting", PATIENCE, || {
        (value("flush.messages").as_deref() == Some("7")).then_some(())
    });
    assert_eq!(value("retention.ms").as_deref(), Some("604800000"));
    // Whether it is refused the crate does not tell, but nothing has changed.
    let _ = alter("flush.messages", "often");
    assert_eq!(value("flush.messages").as_deref(), Some("7"));
}

fn records(broker: &Broker) {
    let topic = "rdkafka-delete-records";
    create_topic(broker, topic, &[]);
    let sender = Sender::new(broker, &[]);
    for _ in 0..10 {
        let record = BaseRecord::to(topic).partition(0).payload("v");
        sender.send(record);
    }
    sender.finish();
    let mut before = TopicPartitionList::new();
    before
        .add_partition_offset(topic, 0, Offset::Offset(6))
        .expect("the offset is legal");
    block_on(admin(broker).delete_records(&before, &options())).expect("the broker answers");
    let consumer: BaseConsumer = config(broker, &[])
        .create()
        .expect("librdkafka accepts the settings");
    let marks = consumer
        .fetch_watermarks(topic, 0, PATIENCE)
        .expect("the broker answers");
    assert_eq!(marks, (6, 10));
}
