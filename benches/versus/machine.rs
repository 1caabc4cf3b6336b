//! What the figures were taken on: without it they say nothing.

use ottla_tests::compat::Toolchain;

use crate::Options;

/// Machine, versions and load in a few lines.
pub(crate) fn description(options: &Options) -> String {
    let processor = first_value("/proc/cpuinfo", "model name");
    let memory = first_value("/proc/meminfo", "MemTotal");
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kafka = Toolchain::find().map_or_else(
        |_| "no Kafka".to_owned(),
        |toolchain| format!("Apache Kafka {}", toolchain.server_version()),
    );
    let brokers = match options.brokers {
        0 | 1 => "one broker".to_owned(),
        count => {
            format!("{count} brokers, each with a replica of everything: what all use together")
        }
    };
    let topics = match options.are_replicated() {
        true => String::new(),
        false => format!("; {} topics", options.topics),
    };
    format!(
        "{cores} cores of {processor}, {memory} memory, Linux {kernel}; {kafka}\n{brokers}\n\
         medians of {rounds} rounds; {gib} GiB after {warmup} in records of {record} B, {partitions} partitions, \
         batch.size {batch}, linger.ms {linger}, acks=all, idempotent{topics}",
        kernel = kernel.trim(),
        rounds = options.rounds,
        gib = options.gib,
        warmup = options.warmup_gib,
        record = options.record_bytes,
        partitions = options.partitions,
        batch = options.batch_bytes(),
        linger = options.linger_ms,
    )
}

/// What stands behind `key:` the first time.
fn first_value(path: &str, key: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key));
    line.and_then(|line| line.split_once(':'))
        .map_or("unknown", |(_, value)| value.trim())
        .to_owned()
}
