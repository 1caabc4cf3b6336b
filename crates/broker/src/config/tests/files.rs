use super::*;

const SHIPPED: &str = include_str!("server.properties");

#[test]
fn the_file_that_kafka_ships_starts() {
    let Built {
        config,
        notes,
        warnings,
    } = built(file(SHIPPED));
    assert_eq!(
        notes,
        [
            "not needed here: controller.quorum.bootstrap.servers, num.io.threads, \
             num.network.threads, num.recovery.threads.per.data.dir",
            "listener CONTROLLER://:9093 is left out: controllers need none of their own here",
        ]
    );
    assert_eq!(
        warnings,
        [
            "not supported, so ignored: share.coordinator.state.topic.min.isr, \
          share.coordinator.state.topic.replication.factor"
        ]
    );
    assert_eq!(config.node_id.0, 1);
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(config.listeners[0].bind.to_string(), ":9092");
    assert_eq!(
        config.listeners[0].advertised(9092).to_string(),
        "localhost:9092"
    );
    assert_eq!(config.inter_broker_listener, "PLAINTEXT");
    assert_eq!(config.data_dir.to_str(), Some("/tmp/kraft-combined-logs"));
    assert_eq!(config.network.send_buffer_bytes, Some(102_400));
}

/// Every name of Kafka's at once, with values that Kafka would take.
#[test]
fn every_setting_of_kafka_can_stand_in_a_file() {
    let facts = include_str!("../../../facts/kafka-4.4-broker-configs.tsv");
    let text: String = facts
        .lines()
        .skip(1)
        .map(|line| line.split('\t').collect::<Vec<_>>())
        .filter(|fields| !matches!(fields[2], "null" | "<required>"))
        .filter(|fields| !matches!(fields[0], "listener.security.protocol.map" | "broker.id"))
        .map(|fields| format!("{}={}\n", fields[0], fields[2].trim_matches(['[', ']'])))
        .collect();
    let built = built(file(&text));
    assert_eq!(built.warnings.len(), 1, "{:?}", built.warnings);
    assert!(built.warnings[0].starts_with("not supported, so ignored: alter.log.dirs."));
}

#[test]
fn a_node_that_should_have_been_guarded_says_that_it_is_not() {
    let warnings = |text: &str| built(file(text)).warnings;
    assert_eq!(
        warnings("authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer"),
        [
            "authorizer.class.name is not supported: every client may do everything",
            "not supported, so ignored: authorizer.class.name",
        ]
    );
    assert_eq!(
        warnings("authorizer.class.name="),
        ["not supported, so ignored: authorizer.class.name"]
    );
}

#[test]
fn the_configuration_is_printed_with_its_sources() {
    let mut sources = file(SHIPPED);
    sources.environment = vec![("OTTLA_LOG_RETENTION_MS".to_owned(), "1000".to_owned())];
    sources.flags.set = vec!["ottla.flush=async".to_owned()];
    let printed = built(sources).config.print();
    assert_eq!(printed, include_str!("printed.txt"), "\n{printed}");
}

#[test]
fn what_is_printed_reads_back_as_the_same_configuration() {
    let first = built(file(SHIPPED)).config;
    let text: String = first
        .print()
        .lines()
        .filter_map(|line| line.rsplit_once("  # "))
        .map(|(setting, _)| format!("{}\n", setting.trim_end()))
        .collect();
    let second = built(file(&text)).config;
    assert_eq!(first.listeners, second.listeners);
    assert_eq!(first.network, second.network);
    assert_eq!(first.data_dir, second.data_dir);
}
