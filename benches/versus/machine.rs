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
    format!(
        "{cores} cores of {processor}, {memory} memory, Linux {kernel}; {kafka}\n\
         medians of {rounds} rounds, the load generator on the same cores; acks=all, idempotent, 1 KiB records in \
         batches of 64 KiB to 6 partitions unless said otherwise; what several brokers use is that of all",
        kernel = kernel.trim(),
        rounds = options.rounds,
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
