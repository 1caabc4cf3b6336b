//! What a node's parts tell of themselves at a scrape.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ottla_replication::CleanerStats;
use ottla_storage::LogDir;

use crate::context::Broker;
use crate::dispatch::Dispatch;
use crate::metrics::Page;
use crate::net::Network;

/// Has the parts asked at each scrape. They are asked through what does not keep them alive.
pub(super) fn register(
    broker: &Arc<Broker>,
    network: &Arc<Network<Dispatch>>,
    directory: &LogDir,
    cleaner: Arc<CleanerStats>,
) {
    let (weak_broker, weak_network) = (Arc::downgrade(broker), Arc::downgrade(network));
    let directory = directory.clone();
    broker.metrics.collect(move |page| {
        if let (Some(broker), Some(network)) = (weak_broker.upgrade(), weak_network.upgrade()) {
            tell_broker(&broker, page);
            tell_groups(&broker, page);
            let free_bytes = network.memory().available_bytes() as u64;
            page.gauge(
                "ottla_request_memory_free_bytes",
                "Memory that no request holds.",
                free_bytes,
            );
        }
        tell_directory(&directory, page);
        tell_cleaner(&cleaner, page);
    });
}

fn tell_broker(broker: &Broker, page: &mut Page) {
    let (open, offline) = broker.partitions.count();
    let image = broker.images.current();
    let gauges = [
        (
            "ottla_topics",
            "Topics of the cluster.",
            image.topic_count(),
        ),
        (
            "ottla_partitions_open",
            "Partitions that this node has open.",
            open,
        ),
        (
            "ottla_partitions_offline",
            "Partitions of this node whose log cannot be used.",
            offline,
        ),
        (
            "ottla_group_shards",
            "Partitions of groups that this node holds.",
            broker.groups.count(),
        ),
        (
            "ottla_transaction_shards",
            "Partitions of transactions that this node holds.",
            broker.transactions.count(),
        ),
        (
            "ottla_transaction_writers_known",
            "Producers that are known to have a transaction open, by partition led here.",
            broker.first_writes.known(),
        ),
        (
            "ottla_transaction_speakers_known",
            "Transactional ids of which it is known on which connection somebody speaks for them.",
            broker.speakers.known(),
        ),
        (
            "ottla_partitions_led",
            "Partitions that this node leads.",
            broker.partitions.led(),
        ),
        (
            "ottla_brokers_alive",
            "Brokers of the cluster that this node hears, itself among them.",
            image.brokers().filter(|it| broker.is_alive(it.id)).count(),
        ),
        (
            "ottla_fetches_waiting",
            "Fetches that wait for records.",
            broker.purgatory.waiting(),
        ),
    ];
    for (name, help, value) in gauges {
        page.gauge(name, help, value as u64);
    }
    let (sessions, partitions, evictions) = {
        let cache = broker.fetch_sessions.lock();
        (cache.sessions(), cache.partitions(), cache.evictions())
    };
    page.gauge(
        "ottla_fetch_sessions",
        "Fetch sessions held.",
        sessions as u64,
    );
    page.gauge(
        "ottla_fetch_session_partitions",
        "Partitions of all fetch sessions.",
        partitions as u64,
    );
    page.counter(
        "ottla_fetch_session_evictions_total",
        "Fetch sessions pushed out.",
        evictions,
    );
    let bytes: u64 = broker
        .partitions
        .open()
        .iter()
        .map(|replica| replica.partition.log().size_bytes())
        .sum();
    page.gauge("ottla_log_bytes", "Bytes of all logs that are open.", bytes);
}

fn tell_groups(broker: &Broker, page: &mut Page) {
    if broker.config.lags.listed_max > 0 {
        broker.lags.latest().write(page);
    }
}

fn tell_cleaner(cleaner: &CleanerStats, page: &mut Page) {
    let counters = [
        (
            "ottla_log_cleaner_passes_total",
            "Logs that were compacted.",
            &cleaner.passes,
        ),
        (
            "ottla_log_cleaner_read_bytes_total",
            "Bytes of segments that compaction has written anew, before.",
            &cleaner.read_bytes,
        ),
        (
            "ottla_log_cleaner_written_bytes_total",
            "Bytes of segments that compaction has written anew, after.",
            &cleaner.written_bytes,
        ),
        (
            "ottla_log_cleaner_failures_total",
            "Logs that could not be compacted, and are tried again.",
            &cleaner.failures,
        ),
    ];
    for (name, help, value) in counters {
        page.counter(name, help, value.load(Ordering::Relaxed));
    }
    page.gauge(
        "ottla_log_cleaner_dirtiest_percent",
        "Share of the dirtiest log that was not compacted yet.",
        cleaner.dirtiest_percent.load(Ordering::Relaxed),
    );
}

fn tell_directory(directory: &LogDir, page: &mut Page) {
    let stats = directory.stats();
    let counters = [
        (
            "ottla_log_written_bytes_total",
            "Bytes written to segments.",
            stats.written_bytes,
        ),
        (
            "ottla_log_written_frames_total",
            "Batches written to segments.",
            stats.written_frames,
        ),
        (
            "ottla_log_writes_total",
            "Write calls to segments.",
            stats.writes,
        ),
        (
            "ottla_log_flush_rounds_total",
            "Rounds of syncing.",
            stats.flush_rounds,
        ),
        (
            "ottla_log_flush_micros_total",
            "Time of all rounds of syncing.",
            stats.flush_micros_total,
        ),
        (
            "ottla_log_checked_bytes_total",
            "Bytes of logs that were read again to see whether the disk still has them.",
            stats.checked_bytes,
        ),
        (
            "ottla_log_mended_frames_total",
            "Batches that the disk had lost, and those behind them, written again as other replicas have them.",
            stats.mended_frames,
        ),
    ];
    for (name, help, value) in counters {
        page.counter(name, help, value);
    }
    page.gauge(
        "ottla_log_directory_full",
        "Whether produces are refused for lack of space.",
        u64::from(directory.is_full()),
    );
}
