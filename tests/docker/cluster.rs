//! docker/compose.yaml: three brokers that clients outside and inside use by names that hold there, and that go on
//! without one of them.

use std::time::Duration;

use ottla_tests::wait;
use serde_json::Value;

use crate::clients::{Clients, kafka};
use crate::compose::Compose;
use crate::container::Container;
use crate::image::Image;

const SERVICES: [&str; 3] = ["broker-1", "broker-2", "broker-3"];
const OUTSIDE: [&str; 3] = ["localhost:19092", "localhost:29092", "localhost:39092"];
const METRICS: [&str; 3] = ["localhost:19680", "localhost:29680", "localhost:39680"];
const ALL: &str = "localhost:19092,localhost:29092,localhost:39092";
const TOPIC: &str = "orders";
/// Each look is a process of its own.
const PACE: Duration = Duration::from_millis(300);
const IN_SYNC_WITHIN: Duration = Duration::from_secs(60);

pub(crate) fn prove(image: &Image<'_>, compose: &Compose<'_>, clients: &Clients) {
    println!("cluster: by compose {}", compose.version);
    let project = compose.up(image);
    let brokers = SERVICES.map(|service| project.container(service));
    brokers.iter().for_each(Container::wait_until_healthy);
    for metrics in METRICS {
        clients.ottla(&["health", "--http", metrics]).succeed();
    }
    println!("cluster: three brokers are healthy");

    create_topic(clients);
    all_in_sync(clients, OUTSIDE[0]);
    let mut lines = from_everywhere(&brokers, clients);

    brokers[1].tell("kill");
    if clients.has_kafka_tools {
        clients.kafka_produces(ALL, TOPIC, &["without one, by Kafka's tool"]);
        lines.push("without one, by Kafka's tool");
        clients.kafka_finds(ALL, TOPIC, &lines);
    }
    clients.produce(ALL, TOPIC, &["without one"]);
    lines.push("without one");
    clients.finds(OUTSIDE[0], TOPIC, &lines);
    clients.finds(OUTSIDE[2], TOPIC, &lines);
    println!("cluster: goes on when a broker is killed");

    brokers[1].tell("start");
    brokers[1].wait_until_healthy();
    all_in_sync(clients, OUTSIDE[1]);
    clients.finds(OUTSIDE[1], TOPIC, &lines);
    println!("cluster: has that broker back");
}

fn create_topic(clients: &Clients) {
    let options = ["--partitions", "6", "--replication-factor", "3"];
    if clients.has_kafka_tools {
        kafka("TopicCommand", OUTSIDE[0])
            .args(["--create", "--topic", TOPIC])
            .args(options)
            .succeed();
        let described = kafka("TopicCommand", OUTSIDE[1])
            .args(["--describe", "--topic", TOPIC])
            .succeed();
        described.says("PartitionCount: 6\tReplicationFactor: 3");
    } else {
        clients
            .ottla(&["topic", "create", TOPIC, "-b", OUTSIDE[0]])
            .args(options)
            .succeed();
    }
}

/// Waits until each partition has three replicas in sync, as this broker says.
fn all_in_sync(clients: &Clients, bootstrap: &str) {
    let described = || {
        clients
            .ottla(&["topic", "describe", TOPIC, "--json", "-b", bootstrap])
            .run()
    };
    let in_sync = wait::poll_at(PACE, IN_SYNC_WITHIN, || {
        is_in_sync(&described().stdout).then_some(())
    });
    assert!(in_sync.is_some(), "not in sync: {}", described());
}

fn is_in_sync(described: &str) -> bool {
    let described: Value = serde_json::from_str(described).unwrap_or_default();
    let has_three = |partition: &Value| {
        partition["in_sync"]
            .as_array()
            .is_some_and(|nodes| nodes.len() == 3)
    };
    let partitions = described["partitions"].as_array();
    partitions.is_some_and(|partitions| !partitions.is_empty() && partitions.iter().all(has_three))
}

/// Each broker is used from outside, and from within the container of another.
fn from_everywhere(brokers: &[Container<'_>], clients: &Clients) -> Vec<&'static str> {
    let mut lines = Vec::new();
    for (bootstrap, line) in OUTSIDE.into_iter().zip(["first", "second", "third"]) {
        clients.produce(bootstrap, TOPIC, &[line]);
        lines.push(line);
    }
    if clients.has_kafka_tools {
        let by_kafka = ["fourth", "fifth", "sixth"];
        for (bootstrap, line) in OUTSIDE.into_iter().zip(by_kafka) {
            clients.kafka_produces(bootstrap, TOPIC, &[line]);
            lines.push(line);
        }
        for bootstrap in OUTSIDE {
            clients.kafka_finds(bootstrap, TOPIC, &lines);
        }
    }
    println!("cluster: serves {ALL}");
    let others = SERVICES.into_iter().cycle().skip(1);
    for (broker, other) in brokers.iter().zip(others) {
        let address = format!("{other}:9092");
        let from_there = ["consume", TOPIC, "-b", &address, "--from", "earliest"];
        let consumed = broker.ottla(&[&from_there[..], &["--exit-at-end"]].concat());
        assert_eq!(consumed.len(), lines.len(), "{other}: {consumed:?}");
    }
    println!("cluster: its containers reach each other by name");
    lines
}
