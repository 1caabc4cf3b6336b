//! Who this node is and where its data lies.

use crate::config::key::{Check, Key, Kind};

pub(super) static KEYS: &[Key] = &[
    Key::new(
        "node.id",
        Kind::Int,
        Some("1"),
        Check::AtLeast(0),
        "Number of this node, unique in its cluster.",
    ),
    Key::new(
        "broker.id",
        Kind::Int,
        Some("-1"),
        Check::Any,
        "Old name of node.id; -1 leaves the choice to node.id.",
    ),
    Key::new(
        "process.roles",
        Kind::List,
        Some("broker"),
        Check::SomeOf(&["broker", "controller"]),
        "Must contain broker: every node is one, and metadata needs no nodes of its own.",
    ),
    Key::new(
        "broker.rack",
        Kind::String,
        None,
        Check::Any,
        "Where this node stands, for placing replicas apart and reading from near ones.",
    ),
    Key::new(
        "log.dirs",
        Kind::List,
        Some("./ottla-data"),
        Check::NotEmpty,
        "Directory that holds all data of this node.",
    ),
    Key::new(
        "log.dir",
        Kind::List,
        None,
        Check::NotEmpty,
        "Old name of log.dirs.",
    ),
    Key::new(
        "ottla.http.address",
        Kind::String,
        Some("127.0.0.1:9680"),
        Check::NotEmpty,
        "Address of /metrics, /livez and /readyz as host:port; none opens no port.",
    ),
    Key::new(
        "broker.session.timeout.ms",
        Kind::Int,
        Some("9000"),
        Check::AtLeast(1),
        "How long a broker may be silent before it gets no new partitions.",
    ),
    Key::new(
        "auto.leader.rebalance.enable",
        Kind::Boolean,
        Some("true"),
        Check::Any,
        "Whether leaders hand over to preferred replicas by themselves.",
    ),
    Key::new(
        "leader.imbalance.check.interval.seconds",
        Kind::Long,
        Some("300"),
        Check::AtLeast(1),
        "How often leaders look whether preferred replicas can lead.",
    ),
    Key::new(
        "ottla.peer.listener",
        Kind::String,
        Some("127.0.0.1:9093"),
        Check::NotEmpty,
        "Address to listen on for the other brokers of the cluster, as host:port; never for clients.",
    ),
    Key::new(
        "ottla.peer.advertised",
        Kind::String,
        None,
        Check::NotEmpty,
        "Address that other brokers are told, as host:port; unset, that of ottla.peer.listener.",
    ),
    Key::new(
        "ottla.peer.seeds",
        Kind::List,
        None,
        Check::Any,
        "Addresses of brokers for brokers: an empty node joins their cluster, or founds one with all of them.",
    ),
];
