//! kafka-configs --alter, of topics, brokers, broker loggers and groups, and what --describe says then.
//!
//! Cases run at the same time: those about brokers set what is the default anyway, so that only those that look at
//! where a value comes from can see it.

use std::time::Duration;

use ottla_tests::{Broker, Finished, Suite, Tool, wait};

use crate::create_topic;

/// Both kinds of broker are started with it.
const NODE: &str = "1";
/// Brokers follow a change of configurations a moment after it was answered.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("configs_alters_a_topic", topic)
        .case("configs_adds_to_and_takes_from_a_list", list)
        .case("configs_refuses_what_a_topic_cannot_have", refused)
        .case("configs_alters_a_broker", broker)
        .case("configs_alters_the_default_of_all_brokers", all_brokers)
        .case("configs_refuses_what_brokers_cannot_change", fixed)
        .case("configs_alters_log_levels", levels)
        .case("configs_alters_a_group", group)
        .case("log_dirs_tells_sizes", log_dirs);
}

/// An entity by its options: type, and name or that it is the default.
type Entity<'a> = &'a [&'a str];

fn kafka_configs(broker: &Broker, entity: Entity<'_>, options: &[&str]) -> Tool {
    Tool::kafka("org.apache.kafka.tools.ConfigCommand")
        .args(["--bootstrap-server", &broker.bootstrap()])
        .args(entity)
        .args(options)
}

fn alter(broker: &Broker, entity: Entity<'_>, options: &[&str]) -> Finished {
    kafka_configs(broker, entity, &["--alter"])
        .args(options)
        .succeed()
}

fn describe(broker: &Broker, entity: Entity<'_>) -> Finished {
    kafka_configs(broker, entity, &["--describe"]).succeed()
}

/// Describes until a line is there.
fn await_line(broker: &Broker, entity: Entity<'_>, line: &str) {
    wait::until(line, PATIENCE, || {
        let described = describe(broker, entity);
        described.lines().contains(&line).then_some(())
    });
}

/// Describes until nothing is said of a key.
fn await_nothing_of(broker: &Broker, entity: Entity<'_>, key: &str) {
    wait::until(&format!("nothing of {key}"), PATIENCE, || {
        let described = describe(broker, entity);
        (!described.stdout.contains(key)).then_some(())
    });
}

fn topic(broker: &Broker) {
    let name = "altered";
    create_topic(broker, name, &["--config", "flush.ms=9"]);
    let entity = ["--entity-type", "topics", "--entity-name", name];
    let add = "retention.ms=5000,cleanup.policy=[compact,delete],max.message.bytes=2000";
    alter(broker, &entity, &["--add-config", add])
        .prints(&["Completed updating config for topic altered."]);
    await_line(
        broker,
        &entity,
        "cleanup.policy=compact,delete sensitive=false \
         synonyms={DYNAMIC_TOPIC_CONFIG:cleanup.policy=compact,delete, \
         DEFAULT_CONFIG:log.cleanup.policy=delete}",
    );
    await_line(
        broker,
        &entity,
        "retention.ms=5000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:retention.ms=5000}",
    );
    let gone = "retention.ms,cleanup.policy,max.message.bytes";
    alter(broker, &entity, &["--delete-config", gone]);
    await_nothing_of(broker, &entity, "retention.ms");
    describe(broker, &entity).prints(&[
        "Dynamic configs for topic altered are:",
        "flush.ms=9 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:flush.ms=9}",
    ]);
}

fn list(broker: &Broker) {
    let name = "altered-list";
    create_topic(broker, name, &[]);
    let entity = ["--entity-type", "topics", "--entity-name", name];
    let line = |value: &str| {
        format!(
            "cleanup.policy={value} sensitive=false \
             synonyms={{DYNAMIC_TOPIC_CONFIG:cleanup.policy={value}, \
             DEFAULT_CONFIG:log.cleanup.policy=delete}}"
        )
    };
    alter(broker, &entity, &["--add-config", "cleanup.policy=compact"]);
    await_line(broker, &entity, &line("compact"));
    alter(
        broker,
        &entity,
        &["--add-config", "cleanup.policy=[delete,compact]"],
    );
    await_line(broker, &entity, &line("delete,compact"));
}

fn refused(broker: &Broker) {
    let name = "altered-refused";
    create_topic(broker, name, &[]);
    let entity = ["--entity-type", "topics", "--entity-name", name];
    for (add, detail) in [
        ("retention.ms=soon", "retention.ms"),
        ("min.insync.replicas=0", "min.insync.replicas"),
        ("never.was=1", "never.was"),
    ] {
        kafka_configs(broker, &entity, &["--alter", "--add-config", add])
            .refuse()
            .blames("InvalidConfigurationException", detail);
    }
    // What is not set can be taken away.
    alter(broker, &entity, &["--delete-config", "retention.ms"]);
    describe(broker, &entity).prints(&["Dynamic configs for topic altered-refused are:"]);
}

fn broker(broker: &Broker) {
    let entity = ["--entity-type", "brokers", "--entity-name", NODE];
    let add = "log.index.size.max.bytes=10485760";
    alter(broker, &entity, &["--add-config", add])
        .prints(&["Completed updating config for broker 1."]);
    await_line(
        broker,
        &entity,
        "log.index.size.max.bytes=10485760 sensitive=false \
         synonyms={DYNAMIC_BROKER_CONFIG:log.index.size.max.bytes=10485760, \
         DEFAULT_CONFIG:log.index.size.max.bytes=10485760}",
    );
    alter(
        broker,
        &entity,
        &["--delete-config", "log.index.size.max.bytes"],
    );
    await_nothing_of(broker, &entity, "log.index.size.max.bytes");
}

fn all_brokers(broker: &Broker) {
    let entity = ["--entity-type", "brokers", "--entity-default"];
    alter(broker, &entity, &["--add-config", "log.roll.ms=604800000"])
        .prints(&["Completed updating default config for brokers in the cluster."]);
    await_line(
        broker,
        &entity,
        "log.roll.ms=604800000 sensitive=false \
         synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.roll.ms=604800000}",
    );
    let name = "inherits";
    create_topic(broker, name, &[]);
    let topic = ["--entity-type", "topics", "--entity-name", name];
    let line = "segment.ms=604800000 sensitive=false \
                synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.roll.ms=604800000, \
                DEFAULT_CONFIG:log.roll.hours=168}";
    let described = kafka_configs(broker, &topic, &["--describe", "--all"]).succeed();
    assert!(described.lines().contains(&line), "{line:?}: {described}");
    alter(broker, &entity, &["--delete-config", "log.roll.ms"]);
    await_nothing_of(broker, &entity, "log.roll.ms");
}

fn fixed(broker: &Broker) {
    let all: Entity<'_> = &["--entity-type", "brokers", "--entity-default"];
    let own: Entity<'_> = &["--entity-type", "brokers", "--entity-name", NODE];
    for (entity, add, detail) in [
        (all, "log.retention.hours=1", "log.retention.hours"),
        (own, "num.partitions=3", "num.partitions"),
        (all, "log.retention.ms=0", "log.retention.ms"),
        (own, "log.retention.ms=soon", "log.retention.ms"),
    ] {
        kafka_configs(broker, entity, &["--alter", "--add-config", add])
            .refuse()
            .blames("InvalidRequestException", detail);
    }
}

fn levels(broker: &Broker) {
    let entity = ["--entity-type", "broker-loggers", "--entity-name", NODE];
    for level in ["WARN", "INFO"] {
        let add = format!("root={level}");
        alter(broker, &entity, &["--add-config", &add])
            .prints(&["Completed updating config for broker-logger 1."]);
        let line = format!("root={level} sensitive=false synonyms={{}}");
        await_line(broker, &entity, &line);
    }
    kafka_configs(broker, &entity, &["--alter", "--delete-config", "root"])
        .refuse()
        .blames("InvalidRequestException", "root");
    kafka_configs(broker, &entity, &["--alter", "--add-config", "root=LOUD"])
        .refuse()
        .blames("InvalidConfigurationException", "LOUD");
}

/// What is described then is looked at by the Java client's cases and by the suite `tool_runs`.
fn group(broker: &Broker) {
    let entity = ["--entity-type", "groups", "--entity-name", "altered-group"];
    let add = "consumer.session.timeout.ms=50000";
    alter(broker, &entity, &["--add-config", add])
        .prints(&["Completed updating config for group altered-group."]);
    for (add, detail) in [
        (
            "consumer.session.timeout.ms=44999",
            "consumer.session.timeout.ms",
        ),
        ("never.was=1", "never.was"),
    ] {
        kafka_configs(broker, &entity, &["--alter", "--add-config", add])
            .refuse()
            .blames("InvalidConfigurationException", detail);
    }
    let gone = "consumer.session.timeout.ms";
    alter(broker, &entity, &["--delete-config", gone]);
}

fn log_dirs(broker: &Broker) {
    let name = "in-log-dirs";
    create_topic(broker, name, &["--partitions", "2"]);
    crate::produce_lines(broker, name, "one\ntwo\n");
    let told = crate::tool("LogDirsCommand", broker)
        .args(["--describe", "--topic-list", name])
        .succeed();
    for text in [
        "\"broker\":1",
        "\"partition\":\"in-log-dirs-0\"",
        "\"partition\":\"in-log-dirs-1\"",
        "\"offsetLag\":0,\"isFuture\":false",
        "\"error\":null",
    ] {
        told.says(text);
    }
    let sizes = told.stdout.split("\"size\":").skip(1);
    let sizes = sizes.map(|rest| rest.split(',').next().unwrap_or_default().parse());
    let sizes: Vec<u64> = sizes.collect::<Result<_, _>>().expect("sizes are numbers");
    assert_eq!(sizes.len(), 2, "only the topic asked for: {told}");
    assert!(sizes.iter().sum::<u64>() > 0, "{told}");
}
