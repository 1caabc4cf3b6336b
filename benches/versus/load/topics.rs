//! Topics, and who leads them.

use std::time::Duration;

use ottla_client::Client;
use ottla_client::admin::NewTopic;
use ottla_client::cluster::Topic;
use tokio::time::sleep;

/// Topics in one request.
const TOPICS_PER_REQUEST: usize = 100;

/// How often it is asked who leads.
const LOOK: Duration = Duration::from_millis(5);

/// Creates a topic, and returns once all its partitions have leaders.
pub(crate) async fn create(client: &Client, name: &str, partitions: i32, configs: &[(&str, &str)]) {
    ottla_tests::client::create_topic(client, name, partitions, configs).await;
    wait_until(client, name, is_led).await;
}

/// Waits until what is told of a topic is so, however long that takes.
pub(crate) async fn wait_until(client: &Client, name: &str, is_so: impl Fn(&Topic) -> bool) {
    loop {
        let topic = client.admin().describe_topic(name).await;
        // A broker that does not know of it yet will.
        if topic.is_ok_and(|topic| is_so(&topic)) {
            return;
        }
        sleep(LOOK).await;
    }
}

/// Creates topics of one partition, and returns once each has a leader.
pub(crate) async fn create_many(client: &Client, count: usize) {
    let topics: Vec<NewTopic> = (0..count)
        .map(|number| NewTopic {
            name: format!("one-of-many-{number}"),
            partitions: Some(1),
            ..NewTopic::default()
        })
        .collect();
    for request in topics.chunks(TOPICS_PER_REQUEST) {
        let outcomes = client.admin().create_topics(request, false).await;
        for outcome in outcomes.unwrap_or_else(|error| panic!("cannot create topics: {error}")) {
            outcome.unwrap_or_else(|error| panic!("cannot create a topic: {error}"));
        }
    }
    while led(client).await < count {
        sleep(LOOK).await;
    }
}

async fn led(client: &Client) -> usize {
    let topics = client.admin().list_topics().await;
    let topics = topics.unwrap_or_else(|error| panic!("cannot list topics: {error}"));
    topics.iter().filter(|topic| is_led(topic)).count()
}

fn is_led(topic: &Topic) -> bool {
    let mut partitions = topic.partitions.iter();
    partitions.all(|partition| partition.leader.is_some())
}
