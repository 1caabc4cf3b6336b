//! What a contender takes its turn with: a broker, or several that replicate everything to each
//! other. What they use of the machine is that of all together.

use std::path::Path;
use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_tests::client::connect_to;
use ottla_tests::process::Usage;
use ottla_tests::{Broker, Cluster, Settings, wait};

use crate::contender::Contender;
use crate::scenario::Scenario;

/// How long the last replica may take to have what was acknowledged.
const REPLICATED_WITHIN: Duration = Duration::from_secs(120);

/// The brokers of one turn, fresh.
pub(crate) struct Brokers(Vec<Broker>);

/// What brokers did while they were watched.
pub(crate) struct Watched {
    pub(crate) cpu: Duration,
    pub(crate) took: Duration,
    /// What they use at its end.
    pub(crate) after: Usage,
}

impl Brokers {
    /// Starts as many as a scenario takes with empty disks; if several, each has a replica of everything.
    pub(crate) fn start(
        contender: Contender,
        scenario: Scenario,
        folder: Option<&Path>,
    ) -> Result<Brokers, String> {
        let mut settings = Settings {
            inside: folder.map(Path::to_path_buf),
            ..contender.settings()
        };
        for (key, value) in scenario.settings() {
            settings = settings.with(key, value);
        }
        let count = scenario.brokers();
        if count <= 1 {
            let broker = Broker::start(contender.kind(), settings)?;
            return Ok(Brokers(vec![broker]));
        }
        let settings = settings
            .with("default.replication.factor", &count.to_string())
            .with("auto.leader.rebalance.enable", "false");
        let cluster = Cluster::start_of(contender.kind(), count, settings)?;
        Ok(Brokers(cluster.into_brokers()))
    }

    /// Until the last of them answered.
    pub(crate) fn start_took(&self) -> Duration {
        let each = self.0.iter().map(Broker::start_took);
        each.max().unwrap_or_default()
    }

    /// A client of theirs.
    pub(crate) async fn connect(&self) -> Client {
        let all: Vec<String> = self.0.iter().map(Broker::bootstrap).collect();
        connect_to(&all.join(",")).await
    }

    /// One of them, by its number in the cluster, which counts from one.
    pub(crate) fn of_number(&mut self, number: i32) -> &mut Broker {
        let index = usize::try_from(number - 1).expect("numbers begin with one");
        &mut self.0[index]
    }

    pub(crate) fn all(&self) -> &[Broker] {
        &self.0
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

    /// What they use while something is done.
    pub(crate) async fn watch<T>(
        &self,
        work: impl Future<Output = Result<T, String>>,
    ) -> Result<(T, Watched), String> {
        let (before, begun) = (self.usage()?, Instant::now());
        let outcome = work.await?;
        let (after, took) = (self.usage()?, begun.elapsed());
        let cpu = after.cpu.saturating_sub(before.cpu);
        Ok((outcome, Watched { cpu, took, after }))
    }

    /// How long a topic's log files are on all of them.
    pub(crate) fn held_bytes(&self, topic: &str, partitions: i32) -> u64 {
        let each = self.0.iter();
        each.map(|broker| held_bytes(broker, topic, partitions))
            .sum()
    }

    /// Waits until each holds so many bytes of a topic: an acknowledgement need not wait for the
    /// slowest, but its work counts.
    pub(crate) fn wait_until_all_hold(
        &self,
        topic: &str,
        partitions: i32,
        bytes: u64,
    ) -> Result<(), String> {
        let hold = |broker: &Broker| held_bytes(broker, topic, partitions) >= bytes;
        wait::poll(REPLICATED_WITHIN, || self.0.iter().all(hold).then_some(()))
            .ok_or_else(|| format!("{topic} is not on all brokers after {REPLICATED_WITHIN:?}"))
    }
}

impl Watched {
    /// How much of a core they used.
    pub(crate) fn cpu_percent(&self) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.took.as_secs_f64()
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
