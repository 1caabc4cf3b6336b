//! kafka-topics: create, list, describe, alter, delete, and what it refuses.

use ottla_tests::{Broker, Suite};

use crate::{create_topic, kafka_topics};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("topics_creates_lists_and_deletes", life)
        .case("topics_describes_partitions_and_overrides", describe)
        .case("topics_describes_nothing_amiss", filters)
        .case("topics_adds_partitions", alter)
        .case("topics_obeys_replica_assignments", assignment)
        .case(
            "topics_if_not_exists_and_if_exists_are_quiet",
            quiet_options,
        )
        .case("topics_says_why_it_refuses", refusals);
}

fn life(broker: &Broker) {
    let topic = "topics-life";
    kafka_topics(broker)
        .args(["--create", "--topic", topic, "--partitions", "2"])
        .succeed()
        .prints(&[&format!("Created topic {topic}.")]);
    let listed = |broker| kafka_topics(broker).arg("--list").succeed();
    assert!(listed(broker).lines().contains(&topic));
    kafka_topics(broker)
        .args(["--delete", "--topic", topic])
        .succeed()
        .prints(&[]);
    assert!(!listed(broker).lines().contains(&topic));
}

fn describe(broker: &Broker) {
    let topic = "topics-describe";
    let overrides = [
        "--config",
        "retention.ms=1000",
        "--config",
        "cleanup.policy=compact",
    ];
    create_topic(
        broker,
        topic,
        &[&["--partitions", "2"], &overrides[..]].concat(),
    );
    let description = describe_lines(broker, topic);
    assert_eq!(description.len(), 3, "{description:?}");
    let head = &description[0];
    for part in [
        "Topic: topics-describe",
        "PartitionCount: 2",
        "ReplicationFactor: 1",
        "retention.ms=1000",
        "cleanup.policy=compact",
    ] {
        assert!(head.contains(part), "{part:?} is not in {head:?}");
    }
    assert_eq!(
        field(head, "TopicId: ").len(),
        22,
        "a topic id has 22 characters: {head}"
    );
    for (index, line) in description[1..].iter().enumerate() {
        assert_eq!(field(line, "Partition: "), index.to_string());
        let leader = field(line, "Leader: ");
        assert!(leader.parse::<i32>().is_ok(), "{line:?} has no leader");
        assert_eq!(field(line, "Replicas: "), leader);
        assert_eq!(field(line, "Isr: "), leader);
    }
}

fn filters(broker: &Broker) {
    let topic = "topics-filters";
    create_topic(broker, topic, &[]);
    for filter in [
        "--unavailable-partitions",
        "--under-replicated-partitions",
        "--under-min-isr-partitions",
    ] {
        kafka_topics(broker)
            .args(["--describe", "--topic", topic, filter])
            .succeed()
            .prints(&[]);
    }
    let at_minimum = kafka_topics(broker)
        .args(["--describe", "--topic", topic, "--at-min-isr-partitions"])
        .succeed();
    assert_eq!(at_minimum.lines().len(), 1, "{at_minimum}");
}

fn alter(broker: &Broker) {
    let topic = "topics-alter";
    create_topic(broker, topic, &[]);
    kafka_topics(broker)
        .args(["--alter", "--topic", topic, "--partitions", "4"])
        .succeed()
        .prints(&[]);
    assert_eq!(
        field(&describe_lines(broker, topic)[0], "PartitionCount: "),
        "4"
    );
    kafka_topics(broker)
        .args(["--alter", "--topic", topic, "--partitions", "2"])
        .refuse()
        .blames("InvalidPartitionsException", "4 partition(s)");
}

fn assignment(broker: &Broker) {
    create_topic(broker, "topics-probe", &[]);
    let node = field(&describe_lines(broker, "topics-probe")[1], "Leader: ").to_owned();
    let topic = "topics-assignment";
    create_topic(
        broker,
        topic,
        &["--replica-assignment", &format!("{node},{node},{node}")],
    );
    assert_eq!(
        field(&describe_lines(broker, topic)[0], "PartitionCount: "),
        "3"
    );
    kafka_topics(broker)
        .args([
            "--create",
            "--topic",
            "topics-stranger",
            "--replica-assignment",
            "977",
        ])
        .refuse()
        .blames("InvalidReplicaAssignmentException", "broker 977");
}

fn quiet_options(broker: &Broker) {
    let topic = "topics-quiet";
    create_topic(broker, topic, &[]);
    kafka_topics(broker)
        .args(["--create", "--if-not-exists", "--topic", topic])
        .succeed();
    kafka_topics(broker)
        .args(["--delete", "--if-exists", "--topic", "topics-never-was"])
        .succeed();
    kafka_topics(broker)
        .args(["--describe", "--if-exists", "--topic", "topics-never-was"])
        .succeed()
        .prints(&[]);
}

fn refusals(broker: &Broker) {
    create_topic(broker, "topics-there", &[]);
    let create = |topic: &str, options: &[&str], exception: &str, detail: &str| {
        kafka_topics(broker)
            .args([&["--create", "--topic", topic], options].concat())
            .refuse()
            .blames(exception, detail);
    };
    create(
        "topics-there",
        &[],
        "TopicExistsException",
        "'topics-there'",
    );
    create("bad/name", &[], "InvalidTopicException", "'bad/name'");
    let three = ["--replication-factor", "3"];
    create(
        "topics-new",
        &three,
        "InvalidReplicationFactorException",
        "only 1 broker(s)",
    );
    for (config, reason) in [
        (
            "retention.ms=-7",
            "Invalid value -7 for configuration retention.ms",
        ),
        ("no.such=1", "Unknown topic config name: no.such"),
    ] {
        kafka_topics(broker)
            .args(["--create", "--topic", "topics-new", "--config", config])
            .refuse()
            .says(reason); // the tool asks no broker about these
    }
    for action in ["--describe", "--delete"] {
        kafka_topics(broker)
            .args([action, "--topic", "topics-never-was"])
            .refuse()
            .says("Topic 'topics-never-was' does not exist as expected");
    }
}

fn describe_lines(broker: &Broker, topic: &str) -> Vec<String> {
    kafka_topics(broker)
        .args(["--describe", "--topic", topic])
        .succeed()
        .lines()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// What stands between a name and the next tab.
fn field<'line>(line: &'line str, name: &str) -> &'line str {
    let (_, rest) = line
        .split_once(name)
        .unwrap_or_else(|| panic!("{line:?} has no {name:?}"));
    rest.split('\t').next().unwrap_or_default().trim()
}
