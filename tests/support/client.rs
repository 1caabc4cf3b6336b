//! Our own client, connected to a broker of a test.

use std::collections::BTreeMap;

use ottla_client::admin::NewTopic;
use ottla_client::{Address, Client, ClientConfig, Isolation, OffsetSpec, TopicPartition};

use crate::broker::Broker;

/// A client of this broker.
pub async fn connect(broker: &Broker) -> Client {
    let address = Address::new("127.0.0.1", broker.port());
    Client::connect(ClientConfig::new(vec![address]))
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {}: {error}", broker.bootstrap()))
}

/// A client of the brokers at these addresses, as a list with commas.
pub async fn connect_to(bootstrap: &str) -> Client {
    let addresses = Address::parse_list(bootstrap).expect("they are addresses");
    Client::connect(ClientConfig::new(addresses))
        .await
        .unwrap_or_else(|error| panic!("cannot connect to {bootstrap}: {error}"))
}

/// Creates a topic with these settings and expects it to work.
pub async fn create_topic(client: &Client, name: &str, partitions: i32, configs: &[(&str, &str)]) {
    let text = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    let topic = NewTopic {
        name: name.to_owned(),
        partitions: Some(partitions),
        configs: configs.iter().map(text).collect(),
        ..NewTopic::default()
    };
    client
        .admin()
        .create_topics(&[topic], false)
        .await
        .and_then(|mut outcomes| outcomes.remove(0))
        .unwrap_or_else(|error| panic!("cannot create {name}: {error}"));
}

/// The end offset of each partition of a topic.
pub async fn end_offsets(client: &Client, topic: &str, partitions: i32) -> Vec<i64> {
    let questions: BTreeMap<TopicPartition, OffsetSpec> = (0..partitions)
        .map(|partition| (TopicPartition::new(topic, partition), OffsetSpec::Latest))
        .collect();
    let answers = client
        .admin()
        .list_offsets(questions, Isolation::ReadUncommitted)
        .await;
    let offset = |(partition, answer)| match answer {
        Ok(ottla_client::admin::FoundOffset { offset, .. }) => offset,
        Err(error) => panic!("no end offset of {partition}: {error}"),
    };
    answers.into_iter().map(offset).collect()
}
