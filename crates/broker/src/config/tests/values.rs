use std::time::Duration;

use ottla_replication::{CleanerPace, ScrubPace};

use super::*;

#[test]
fn nothing_said_is_a_node_on_this_machine() {
    let Built {
        config,
        notes,
        warnings,
    } = built(Sources::default());
    assert_eq!(notes, [""; 0]);
    assert_eq!(warnings, [""; 0]);
    assert_eq!(config.node_id.0, 1);
    assert_eq!(config.rack, None);
    assert_eq!(config.data_dir.to_str(), Some("./ottla-data"));
    assert_eq!(
        config.http.map(|http| http.to_string()).as_deref(),
        Some("127.0.0.1:9680")
    );
    assert_eq!(config.listeners.len(), 1);
    assert_eq!(
        config.listeners[0].to_string(),
        "PLAINTEXT://127.0.0.1:9092"
    );
    assert_eq!(config.inter_broker_listener, "PLAINTEXT");
    assert_eq!(
        config.network,
        NetworkLimits {
            request_bytes_max: 104_857_600,
            queued_request_bytes_max: 268_435_456,
            connections_max: 2_147_483_647,
            connections_per_ip_max: 2_147_483_647,
            connections_per_ip_overrides: [].into(),
            connection_idle_max: Some(Duration::from_secs(600)),
            send_buffer_bytes: None,
            receive_buffer_bytes: None,
            listen_backlog: 50,
        }
    );
    assert_eq!(
        config.topics,
        TopicDefaults {
            auto_create: true,
            deletable: true,
            partitions: 1,
            replication_factor: None,
        }
    );
    assert_eq!(
        config.fetch,
        FetchLimits {
            response_bytes_max: 57_671_680,
            sessions_max: 1000,
            replica_selector: ReplicaSelector::Leader,
            described_partitions_max: 2000,
        }
    );
    assert_eq!(
        config.log,
        LogDefaults {
            flush: Flush::Fsync,
            scrub: ScrubPace {
                interval: Duration::from_secs(24 * 3600),
                bytes_per_second: 8 << 20,
            },
            cleaner: CleanerPace {
                threads: 1,
                backoff: Duration::from_secs(15),
                bytes_per_second: f64::MAX,
                memory_bytes: 128 << 20,
                load_factor: 0.9,
            },
            retention_check_interval: Duration::from_secs(300),
        }
    );
    assert_eq!(
        config.producers,
        ProducerLimits {
            expiration: Duration::from_secs(86_400),
            expiration_check_interval: Duration::from_secs(600),
        }
    );
}

#[test]
fn every_key_reaches_its_place() {
    let config = built(set(&[
        "broker.id=7",
        "broker.rack= r1 ",
        "log.dir=/data",
        "ottla.http.address=none",
        "socket.request.max.bytes=1000",
        "queued.max.request.bytes=5000",
        "max.connections=100",
        "max.connections.per.ip=10",
        "max.connections.per.ip.overrides=10.0.0.1:5, [::1]:6",
        "connections.max.idle.ms=-1",
        "socket.send.buffer.bytes=102400",
        "socket.receive.buffer.bytes=0",
        "socket.listen.backlog.size=5",
        "auto.create.topics.enable=FALSE",
        "delete.topic.enable=false",
        "num.partitions=3",
        "default.replication.factor=2",
        "fetch.max.bytes=1024",
        "max.incremental.fetch.session.cache.slots=0",
        "replica.selector.class=org.apache.kafka.common.replica.RackAwareReplicaSelector",
        "max.request.partition.size.limit=1",
        "ottla.flush=async",
        "log.retention.check.interval.ms=50",
        "producer.id.expiration.ms=60",
        "producer.id.expiration.check.interval.ms=70",
    ]))
    .config;
    assert_eq!(config.node_id.0, 7);
    assert_eq!(config.rack.as_deref(), Some("r1"));
    assert_eq!(config.data_dir.to_str(), Some("/data"));
    assert_eq!(config.http, None);
    let network = config.network;
    assert_eq!(network.request_bytes_max, 1000);
    assert_eq!(network.queued_request_bytes_max, 5000);
    assert_eq!(network.connections_max, 100);
    assert_eq!(network.connections_per_ip_max, 10);
    assert_eq!(
        network.connections_per_ip_overrides,
        [
            ("10.0.0.1".parse().unwrap(), 5),
            ("::1".parse().unwrap(), 6)
        ]
        .into()
    );
    assert_eq!(network.connection_idle_max, None);
    assert_eq!(network.send_buffer_bytes, Some(102_400));
    assert_eq!(network.receive_buffer_bytes, Some(0));
    assert_eq!(network.listen_backlog, 5);
    assert!(!config.topics.auto_create);
    assert!(!config.topics.deletable);
    assert_eq!(config.topics.partitions, 3);
    assert_eq!(config.topics.replication_factor, Some(2));
    assert_eq!(config.fetch.response_bytes_max, 1024);
    assert_eq!(config.fetch.sessions_max, 0);
    assert_eq!(config.fetch.replica_selector, ReplicaSelector::RackAware);
    assert_eq!(config.fetch.described_partitions_max, 1);
    assert_eq!(config.log.flush, Flush::Async);
    assert_eq!(
        config.log.retention_check_interval,
        Duration::from_millis(50)
    );
    assert_eq!(config.producers.expiration, Duration::from_millis(60));
    assert_eq!(
        config.producers.expiration_check_interval,
        Duration::from_millis(70)
    );
}

#[test]
fn held_requests_are_bounded_whatever_kafka_would_do() {
    let held = |texts: &[&str]| built(set(texts)).config.network.queued_request_bytes_max;
    assert_eq!(held(&["queued.max.request.bytes=-1"]), 268_435_456);
    assert_eq!(held(&["queued.max.request.bytes=0"]), 268_435_456);
    assert_eq!(
        held(&["socket.request.max.bytes=1000000000"]),
        1_000_000_000
    );
}

#[test]
fn topic_defaults_are_what_somebody_set() {
    let values = built(file(
        "log.cleanup.policy = compact , delete\nmin.insync.replicas=+2",
    ))
    .config
    .broker_values();
    let expected = [
        ("log.cleanup.policy", "compact,delete"),
        ("min.insync.replicas", "2"),
    ];
    let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(values, expected.into());
}

#[test]
fn every_key_is_described_with_its_source() {
    let config = built(file("log.preallocate=true")).config;
    let views = config.describe();
    assert_eq!(views.len(), keys::all().count());
    let view = |name: &str| views.iter().find(|view| view.key.name == name).unwrap();
    let preallocate = view("log.preallocate");
    assert_eq!(preallocate.value.as_deref(), Some("true"));
    assert_eq!(preallocate.source.to_string(), "file server.properties:1");
    assert_eq!(view("log.retention.ms").value, None);
    assert_eq!(*view("log.retention.hours").source, Source::Default);
}

#[test]
fn each_name_of_a_node_says_what_either_says() {
    for (sources, value, is_default) in [
        (set(&["node.id=3"]), "3", false),
        (set(&["broker.id=3"]), "3", false),
        (file(""), "1", true),
    ] {
        let config = built(sources).config;
        let names = ["node.id", "broker.id"];
        let views = config.describe().into_iter();
        let views: Vec<_> = views
            .filter(|view| names.contains(&view.key.name))
            .collect();
        assert_eq!(views.len(), 2);
        for view in views {
            assert_eq!(view.value.as_deref(), Some(value), "{}", view.key.name);
            assert_eq!(*view.source == Source::Default, is_default);
        }
    }
}
