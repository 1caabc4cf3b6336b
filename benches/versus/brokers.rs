//! What a contender takes its turn with: a broker, or several that replicate everything to each
//! other. What they use of the machine is that of all together.

use std::time::Duration;

use ottla_tests::process::Usage;
use ottla_tests::{Broker, Cluster, Settings, wait};

use crate::Options;
use crate::contender::Contender;

/// How long the last replica may take to have what was acknowledged.
const REPLICATED_WITHIN: Duration = Duration::from_secs(60);

/// The brokers of one turn, fresh.
pub(crate) struct Brokers(Vec<Broker>);

impl Brokers {
    /// Starts them with empty disks.
    pub(crate) fn start(contender: Contender, options: &Options) -> Result<Brokers, String> {
        let count = options.brokers;
        let settings = Settings {
            inside: options.folder.clone(),
            ..contender.settings()
        };
        if count <= 1 {
            let broker = Broker::start(contender.kind(), settings)?;
            return Ok(Brokers(vec![broker]));
        }
        let settings = settings.with("default.replication.factor", &count.to_string());
        let cluster = Cluster::start_of(contender.kind(), count, settings)?;
        Ok(Brokers(cluster.into_brokers()))
    }

    /// Until the last of them answered.
    pub(crate) fn start_took(&self) -> Duration {
        let each = self.0.iter().map(Broker::start_took);
        each.max().unwrap_or_default()
    }

    /// What clients take as bootstrap servers.
    pub(crate) fn bootstrap(&self) -> String {
        let all: Vec<String> = self.0.iter().map(Broker::bootstrap).collect();
        all.join(",")
    }

    /// What they use of the machine.
    pub(crate) fn usage(&self) -> Result<Usage, String> {
        let mut sum = Usage::default();
        for broker in &self.0 {
            let usage = broker.usage()?;
            sum.cpu += usage.cpu;
            sum.resident_bytes += usage.resident_bytes;
            sum.anonymous_bytes += usage.anonymous_bytes;
        }
        Ok(sum)
    }

    /// Waits until each holds so many bytes of a topic: an acknowledgement need not wait for the
    /// slowest, but its work counts.
    pub(crate) fn wait_until_all_hold(
        &self,
        topic: &str,
        bytes: u64,
        options: &Options,
    ) -> Result<(), String> {
        let hold = |broker: &Broker| held_bytes(broker, topic, options.partitions) >= bytes;
        wait::poll(REPLICATED_WITHIN, || self.0.iter().all(hold).then_some(()))
            .ok_or_else(|| format!("{topic} is not on all brokers after {REPLICATED_WITHIN:?}"))
    }
}

/// How long a topic's log files are together.
fn held_bytes(broker: &Broker, topic: &str, partitions: i32) -> u64 {
    let folders = (0..partitions.unsigned_abs()).map(|it| broker.partition_folder(topic, it));
    let files = folders.flat_map(std::fs::read_dir).flatten().flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|it| it == "log"));
    let sizes = logs.map(|log| log.metadata().map_or(0, |metadata| metadata.len()));
    sizes.sum()
}
