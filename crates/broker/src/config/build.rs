//! From sources to a [`Config`]: each key reaches its typed place here, and what no single key can
//! check is checked.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ottla_coordinator::config::GroupConfig;
use ottla_protocol::types::NodeId;
use ottla_replication::{CleanerPace, ScrubPace};
use ottla_transactions::config::TransactionConfig;

use super::address::HostPort;
use super::error::{ConfigError, Why};
use super::listeners::{self, Listener};
use super::report::Report;
use super::settings::Settings;
use super::source::{Source, Sources};
use super::typed::{
    Config, FetchLimits, Flush, InternalTopic, LagLimits, LogDefaults, NetworkLimits, PeerSettings,
    ProducerLimits, ReplicaSelector, TopicDefaults, TransactionSettings,
};
use crate::transactions::ConcurrentRetries;

/// A configuration and what is to be said about it.
#[derive(Clone, Debug)]
pub struct Built {
    /// It can start.
    pub config: Config,
    /// Good to know, a line each.
    pub notes: Vec<String>,
    /// Probably not as wanted, a line each.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads all sources; an error names everything that is wrong with them.
    pub fn build(mut sources: Sources) -> Result<Built, ConfigError> {
        let mut report = Report::default();
        let host_name = std::mem::take(&mut sources.host_name);
        let given = sources.gather(&mut report);
        let mut settings = Settings::merge(given, &mut report);
        report.check()?;

        let listeners = listeners::plan(&mut settings, &host_name, &mut report).unwrap_or_default();
        check_node(&settings, &mut report);
        check_times(&settings, &mut report);
        let http = http(&settings, &mut report);
        let peers = peers(&settings, &host_name, &mut report);
        let network = network(&settings, &mut report);
        report.check()?;
        let peers = peers.expect("the report has no problem of them");
        let queued_bytes = network.queued_request_bytes_max.to_string();
        settings.set_effective("queued.max.request.bytes", queued_bytes);

        let config = Config {
            node_id: NodeId(small(settings.number(settings.spokesman_of("node.id")))),
            rack: settings.text("broker.rack"),
            data_dir: data_dirs(&settings).concat().into(),
            http,
            peers,
            inter_broker_listener: inter_broker(&settings, &listeners),
            listeners,
            network,
            topics: topics(&settings),
            fetch: fetch(&settings),
            log: log(&settings),
            producers: producers(&settings),
            groups: groups(&settings),
            offsets_topic: internal_topic("offsets.topic", &settings),
            transactions: transactions(&settings),
            transactions_topic: InternalTopic {
                min_in_sync: Some(small(settings.number("transaction.state.log.min.isr"))),
                ..internal_topic("transaction.state.log", &settings)
            },
            lags: lags(&settings),
            settings,
        };
        Ok(Built {
            config,
            notes: report.notes,
            warnings: report.warnings,
        })
    }
}

fn check_node(settings: &Settings, report: &mut Report) {
    let (node_id, broker_id) = (settings.number("node.id"), settings.number("broker.id"));
    match settings.spokesman_of("node.id") {
        "broker.id" if broker_id < 0 => {
            settings.refuse("broker.id", Why::OutOfRange("0 or more"), report);
        }
        "node.id" if settings.is_explicit("broker.id") && broker_id != node_id => {
            settings.refuse("broker.id", Why::BrokerIdDiffers { node_id }, report);
        }
        _ => {}
    }
    if !settings
        .items("process.roles")
        .contains(&"broker".to_owned())
    {
        settings.refuse("process.roles", Why::NoBrokerRole, report);
    }
    if data_dirs(settings).len() > 1 {
        settings.refuse(settings.spokesman_of("log.dirs"), Why::ManyDataDirs, report);
    }
}

/// Kafka checks these after it has chosen among milliseconds, minutes and hours.
fn check_times(settings: &Settings, report: &mut Report) {
    let mut check = |name, allowed: fn(i64) -> bool, words| {
        let name = settings.spokesman_of(name);
        if !allowed(settings.number(name)) {
            settings.refuse(name, Why::OutOfRange(words), report);
        }
    };
    check(
        "log.retention.ms",
        |time| time == -1 || time > 0,
        "-1, or 1 or more",
    );
    check("log.roll.ms", |time| time > 0, "1 or more");
    check("log.roll.jitter.ms", |time| time >= 0, "0 or more");
    check("log.flush.interval.ms", |time| time >= 0, "0 or more");
    check("log.retention.bytes", |size| size >= -1, "-1, or 0 or more");
}

fn data_dirs(settings: &Settings) -> Vec<String> {
    settings.items(settings.spokesman_of("log.dirs"))
}

fn http(settings: &Settings, report: &mut Report) -> Option<HostPort> {
    const KEY: &str = "ottla.http.address";
    let text = settings.text(KEY).filter(|text| text != "none")?;
    HostPort::parse(&text)
        .map_err(|error| settings.refuse(KEY, error, report))
        .ok()
}

/// `None` if the report has got problems of them.
fn peers(settings: &Settings, host_name: &str, report: &mut Report) -> Option<PeerSettings> {
    const LISTEN: &str = "ottla.peer.listener";
    const ADVERTISED: &str = "ottla.peer.advertised";
    const JOIN: &str = "ottla.peer.seeds";
    let mut read = |key: &'static str, text: &str| {
        let read = HostPort::parse(text);
        read.map_err(|error| settings.refuse(key, error, report))
            .ok()
    };
    let listen = read(LISTEN, &settings.text(LISTEN)?)?;
    let advertised = match settings.text(ADVERTISED) {
        Some(text) => read(ADVERTISED, &text)?,
        None if listen.is_wildcard() => HostPort {
            host: host_name.to_owned(),
            port: listen.port,
        },
        None => listen.clone(),
    };
    let seeds = settings.items(JOIN);
    let seeds = seeds.iter().map(|text| read(JOIN, text));
    Some(PeerSettings {
        listen,
        advertised,
        seeds: seeds.collect::<Option<_>>()?,
        session_max: time(settings.number("broker.session.timeout.ms")),
        balance_interval: settings.boolean("auto.leader.rebalance.enable").then(|| {
            let seconds = settings.number("leader.imbalance.check.interval.seconds");
            time(seconds.saturating_mul(1000))
        }),
    })
}

fn inter_broker(settings: &Settings, listeners: &[Listener]) -> String {
    let protocol = settings.text("security.inter.broker.protocol");
    let named = |name: &Option<String>| {
        let name = name.as_ref()?.to_ascii_uppercase();
        listeners.iter().find(|listener| listener.name == name)
    };
    named(&settings.text("inter.broker.listener.name"))
        .or_else(|| named(&protocol))
        .or(listeners.first())
        .map(|listener| listener.name.clone())
        .expect("there is a listener, or the plan has reported why not")
}

fn network(settings: &Settings, report: &mut Report) -> NetworkLimits {
    let idle_ms = settings.number("connections.max.idle.ms");
    let buffer = |name| u32::try_from(settings.number(name)).ok();
    NetworkLimits {
        request_bytes_max: size(settings.number("socket.request.max.bytes")),
        queued_request_bytes_max: queued(settings, report),
        connections_max: size(settings.number("max.connections")),
        connections_per_ip_max: size(settings.number("max.connections.per.ip")),
        connections_per_ip_overrides: overrides(settings, report),
        connection_idle_max: u64::try_from(idle_ms).ok().map(Duration::from_millis),
        send_buffer_bytes: buffer("socket.send.buffer.bytes"),
        receive_buffer_bytes: buffer("socket.receive.buffer.bytes"),
        listen_backlog: small(settings.number("socket.listen.backlog.size")).unsigned_abs(),
    }
}

/// Kafka's default of no bound would be none; a bound that somebody chose must hold one request, and
/// ours grows with the longest request.
fn queued(settings: &Settings, report: &mut Report) -> usize {
    const KEY: &str = "queued.max.request.bytes";
    const DEFAULT: i64 = 256 * 1024 * 1024;
    let request_bytes_max = settings.number("socket.request.max.bytes");
    let chosen = settings.number(KEY);
    if !settings.is_explicit(KEY) || chosen <= 0 {
        return size(DEFAULT.max(request_bytes_max));
    }
    if chosen < request_bytes_max {
        settings.refuse(KEY, Why::BelowRequestSize { request_bytes_max }, report);
    }
    size(chosen)
}

fn overrides(settings: &Settings, report: &mut Report) -> BTreeMap<IpAddr, usize> {
    const KEY: &str = "max.connections.per.ip.overrides";
    let text = settings.text(KEY).unwrap_or_default();
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let mut overrides = BTreeMap::new();
    for entry in entries {
        match override_of(entry) {
            Some((address, count)) => _ = overrides.insert(address, count),
            None => settings.refuse(KEY, Why::BadOverride(entry.to_owned()), report),
        }
    }
    overrides
}

fn override_of(entry: &str) -> Option<(IpAddr, usize)> {
    let (address, count) = entry.rsplit_once(':')?;
    let address = address.trim().trim_matches(['[', ']']).parse().ok()?;
    Some((address, count.trim().parse().ok()?))
}

fn topics(settings: &Settings) -> TopicDefaults {
    const FACTOR: &str = "default.replication.factor";
    let factor = i16::try_from(settings.number(FACTOR)).expect("its check keeps it within 16 bits");
    TopicDefaults {
        auto_create: settings.boolean("auto.create.topics.enable"),
        deletable: settings.boolean("delete.topic.enable"),
        partitions: small(settings.number("num.partitions")),
        replication_factor: (*settings.source(FACTOR) != Source::Default).then_some(factor),
    }
}

fn fetch(settings: &Settings) -> FetchLimits {
    let replica_selector = match settings.text("replica.selector.class").as_deref() {
        Some("org.apache.kafka.common.replica.RackAwareReplicaSelector") => {
            ReplicaSelector::RackAware
        }
        _ => ReplicaSelector::Leader,
    };
    FetchLimits {
        response_bytes_max: size(settings.number("fetch.max.bytes")),
        sessions_max: size(settings.number("max.incremental.fetch.session.cache.slots")),
        replica_selector,
        described_partitions_max: size(settings.number("max.request.partition.size.limit")),
    }
}

fn log(settings: &Settings) -> LogDefaults {
    let flush = match settings.text("ottla.flush").as_deref() {
        Some("async") => Flush::Async,
        _ => Flush::Fsync,
    };
    LogDefaults {
        flush,
        scrub: ScrubPace {
            interval: time(settings.number("ottla.scrub.interval.ms")),
            bytes_per_second: settings
                .number("ottla.scrub.bytes.per.second")
                .unsigned_abs(),
        },
        cleaner: cleaner(settings),
        retention_check_interval: time(settings.number("log.retention.check.interval.ms")),
    }
}

fn cleaner(settings: &Settings) -> CleanerPace {
    let threads = match settings.boolean("log.cleaner.enable") {
        true => size(settings.number("log.cleaner.threads")),
        false => 0,
    };
    CleanerPace {
        threads,
        backoff: time(settings.number("log.cleaner.backoff.ms")),
        bytes_per_second: settings
            .double("log.cleaner.io.max.bytes.per.second")
            .max(1.0),
        memory_bytes: size(settings.number("log.cleaner.dedupe.buffer.size")),
        load_factor: settings.double("log.cleaner.io.buffer.load.factor"),
    }
}

fn producers(settings: &Settings) -> ProducerLimits {
    ProducerLimits {
        expiration: time(settings.number("producer.id.expiration.ms")),
        expiration_check_interval: time(
            settings.number("producer.id.expiration.check.interval.ms"),
        ),
    }
}

fn groups(settings: &Settings) -> GroupConfig {
    const MINUTE_MS: i64 = 60_000;
    GroupConfig {
        min_session_timeout_ms: small(settings.number("group.min.session.timeout.ms")),
        max_session_timeout_ms: small(settings.number("group.max.session.timeout.ms")),
        initial_rebalance_delay_ms: small(settings.number("group.initial.rebalance.delay.ms")),
        max_size: size(settings.number("group.max.size")),
        offset_metadata_max_bytes: size(settings.number("offset.metadata.max.bytes").max(0)),
        offsets_retention_ms: settings.number("offsets.retention.minutes") * MINUTE_MS,
        offsets_retention_check_interval_ms: settings.number("offsets.retention.check.interval.ms"),
    }
}

/// What the keys say that begin so.
fn internal_topic(prefix: &str, settings: &Settings) -> InternalTopic {
    let number = |what| settings.number(&format!("{prefix}.{what}"));
    let replicas = number("replication.factor");
    InternalTopic {
        partitions: small(number("num.partitions")),
        replicas_max: i16::try_from(replicas).expect("its kind keeps it within 16 bits"),
        segment_bytes: small(number("segment.bytes")),
        min_in_sync: None,
    }
}

fn transactions(settings: &Settings) -> TransactionSettings {
    TransactionSettings {
        coordinator: TransactionConfig {
            max_timeout_ms: small(settings.number("transaction.max.timeout.ms")),
            id_expiration_ms: settings.number("transactional.id.expiration.ms"),
            abort_interval_ms: settings
                .number("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            expiry_interval_ms: settings
                .number("transaction.remove.expired.transaction.cleanup.interval.ms"),
        },
        concurrent_retries: ConcurrentRetries {
            backoff: time(settings.number("add.partitions.to.txn.retry.backoff.ms")),
            at_most: time(settings.number("add.partitions.to.txn.retry.backoff.max.ms")),
        },
    }
}

fn lags(settings: &Settings) -> LagLimits {
    LagLimits {
        listed_max: size(settings.number("ottla.group.lag.listed.max")),
        interval: time(settings.number("ottla.group.lag.interval.ms")),
    }
}

/// Milliseconds of a key whose check allows no negative ones.
fn time(milliseconds: i64) -> Duration {
    Duration::from_millis(milliseconds.unsigned_abs())
}

/// A count or size of a key whose check allows no negative ones, as large as memory can be.
fn size(number: i64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The number of an INT key.
fn small(number: i64) -> i32 {
    i32::try_from(number).expect("its kind keeps it within 32 bits")
}
