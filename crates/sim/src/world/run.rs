//! From a seed to a verdict.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use ottla_platform::seed::mix;
use ottla_platform::sim::set_seed;
use turmoil::{Builder, Sim};

use super::broker::{BROKERS, host, serve};
use super::nemesis::{Fault, Handle, LATENCY_MAX, Nemesis, end};
use super::shared::{Phase, Shared};
use super::swarm::Swarm;
use super::trace::{self, Depth, Trace};
use super::{replicas, workload};
use crate::history::{Event, History};
use crate::oracle::judge;
use crate::oracle::replicas_agree::where_replicas_differ;

/// How long things go wrong.
const DISTURBED: Duration = Duration::from_secs(40);
/// How long replicas have, after everything was read, to be the same: longer than a leader waits for
/// the answer of one that is not there any more, and than filling a disk takes.
const SETTLING_MAX: Duration = Duration::from_secs(60);
/// How often it is looked whether they are.
const SETTLING_LOOK: Duration = Duration::from_secs(2);
/// When a cluster has to be there.
const BEGINNING_MAX: Duration = Duration::from_secs(60);
/// No run is longer.
const RUN_MAX: Duration = Duration::from_secs(300);
/// Sunday, 9 September 2001: a run takes place at no time of its own.
const EPOCH: Duration = Duration::from_secs(1_000_000_000);
/// Messages on their way through one connection, and connections that wait to be accepted.
const TCP_CAPACITY: usize = 4096;

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// What was not as it must be, in words.
    pub broken: Vec<String>,
    /// Simulated time.
    pub took: Duration,
    /// Faults.
    pub faults: u32,
    /// Records that were acknowledged.
    pub acknowledged: usize,
    /// Everything that happened.
    pub trace: Trace,
}

/// What a run is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum About {
    /// Whatever its seed says.
    #[default]
    Anything,
    /// Transactions.
    Bank,
}

/// Runs a cluster from this seed.
pub fn run(seed: u64, about: About, depth: Depth) -> Report {
    set_seed(mix(seed));
    let (mut report, trace) = trace::traced(depth, || Run::new(seed, about).carry_out());
    report.trace = trace;
    report
}

struct Run {
    swarm: Swarm,
    sim: Sim<'static>,
    shared: Shared,
    brokers: BTreeMap<i32, Handle>,
    nemesis: Nemesis,
}

impl Run {
    fn new(seed: u64, about: About) -> Run {
        let swarm = match about {
            About::Anything => Swarm::of(seed),
            About::Bank => Swarm::of_a_bank(seed),
        };
        tracing::info!(?swarm, "a run");
        let mut sim = Builder::new()
            .epoch(UNIX_EPOCH + EPOCH)
            .rng_seed(mix(seed ^ 1))
            .simulation_duration(RUN_MAX)
            .tick_duration(Duration::from_millis(1))
            .min_message_latency(Duration::ZERO)
            .max_message_latency(LATENCY_MAX)
            .tcp_capacity(TCP_CAPACITY)
            .enable_random_order()
            .build();
        let handle = |broker: i32| {
            let seed = mix(seed ^ (u64::from(broker.unsigned_abs()) << 8));
            Handle::new(seed, broker <= swarm.beginners)
        };
        let brokers: BTreeMap<i32, Handle> = (1..=BROKERS)
            .map(|broker| (broker, handle(broker)))
            .collect();
        for (broker, handle) in brokers.clone() {
            handle
                .disk
                .set_faults(|faults| faults.whole_sync = swarm.has_whole_sync);
            let swarm = swarm.clone();
            sim.host(host(broker), move || {
                serve(broker, swarm.clone(), handle.clone())
            });
        }
        let shared = Shared::new(&swarm);
        let clients = workload::begin(&mut sim, &swarm, &shared);
        let nemesis = Nemesis::new(
            mix(seed ^ 2),
            &swarm,
            brokers.clone(),
            clients,
            shared.clone(),
        );
        Run {
            swarm,
            sim,
            shared,
            brokers,
            nemesis,
        }
    }

    fn carry_out(mut self) -> Report {
        let mut broken = Vec::new();
        if let Err(error) = self.live() {
            broken.push(format!("the run ended early: {error}"));
        }
        let took = self.sim.elapsed();
        let mut history = self.shared.take_history();
        for (broker, Handle { disk, .. }) in &self.brokers {
            // Whatever is written counts, synced or not.
            end(&mut self.sim, *broker, disk, false);
            if let Err(error) = replicas::collect(*broker, disk, &mut history) {
                broken.push(format!(
                    "{}: its logs cannot be read: {error}",
                    host(*broker)
                ));
            }
        }
        add_to_trace(&history);
        let damage = trace::take_damage();
        if !self.swarm.faults.contains(&Fault::Rot) {
            history.damaged = damage;
        }
        if broken.is_empty() {
            broken.extend(judge(&history).iter().map(ToString::to_string));
        }
        Report {
            broken,
            took,
            faults: self.nemesis.faults(),
            acknowledged: acknowledged(&history),
            trace: Trace { events: 0, sum: 0 },
        }
    }

    /// Goes through the phases.
    fn live(&mut self) -> turmoil::Result {
        while self.shared.phase() == Phase::Begins {
            self.step()?;
            if self.sim.elapsed() > BEGINNING_MAX {
                return Err("there is no cluster that takes records".into());
            }
        }
        tracing::info!("things go wrong from now on");
        let began = self.sim.elapsed();
        while self.sim.elapsed() < began + DISTURBED {
            let disturbed_for = self.sim.elapsed() - began;
            self.nemesis.look(&mut self.sim, disturbed_for);
            self.step()?;
        }
        tracing::info!("nothing is broken from now on");
        self.nemesis.heal(&mut self.sim);
        self.shared.enter(Phase::Healed);
        while !self.step()? {}
        let end = self.sim.elapsed() + SETTLING_MAX;
        while self.sim.elapsed() < end && !self.is_settled() {
            let look = self.sim.elapsed() + SETTLING_LOOK;
            while self.sim.elapsed() < look {
                self.step()?;
            }
        }
        Ok(())
    }

    /// Whether all brokers have all that clients know to be committed, and the same. A replica may have to give
    /// up first what the others have lost.
    fn is_settled(&self) -> bool {
        let mut found = History::default();
        for (broker, Handle { disk, .. }) in &self.brokers {
            if replicas::collect(*broker, &disk.copy(), &mut found).is_err() {
                return false;
            }
        }
        found.committed = self.shared.all_committed();
        let kept_to = self.shared.all_kept();
        if found.tables.iter().any(|table| table.end < kept_to) {
            return false;
        }
        let is_complete = |partition| {
            let replicas = found.replicas.get(partition);
            replicas.is_some_and(|replicas| replicas.len() as i32 == BROKERS)
        };
        found.committed.keys().all(is_complete) && where_replicas_differ(&found).is_empty()
    }

    /// A millisecond; whether all clients are done.
    fn step(&mut self) -> turmoil::Result<bool> {
        trace::at(self.sim.elapsed());
        self.sim.step()
    }
}

/// What the disks hold in the end is part of what happened.
fn add_to_trace(history: &History) {
    for replica in history.replicas.values().flatten() {
        for entry in replica.entries.values() {
            trace::add(&crc32c::crc32c(&entry.bytes).to_be_bytes());
        }
    }
}

fn acknowledged(history: &History) -> usize {
    let is_acknowledged = |event: &&Event| matches!(event, Event::Acknowledged { .. });
    history.events.iter().filter(is_acknowledged).count()
}
