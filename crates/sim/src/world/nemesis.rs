//! What goes wrong: hosts that crash or are stopped in order, links that are cut, delayed, or slow. Each fault is decided by
//! the seed, lasts for a while, and is then undone.
//!
//! A link has one fault at a time, and a host that is down has no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use ottla_platform::seed::Random;
use ottla_platform::sim::SimDisk;
use tokio::sync::Notify;
use turmoil::Sim;

use super::broker::{BROKERS, host};
use super::flavor::Flavor;

/// Where clients are.
pub(super) const CLIENTS: [&str; 3] = ["writer", "reader", "prober"];
/// Longest time between two faults.
const PAUSE_MS_MAX: u64 = 2_500;
/// Longest time that a fault lasts.
const LASTS_MS_MAX: u64 = 6_000;
/// When a disk is lost at the latest, so that the others have time to fill the new one.
const DISK_LOST_MS_MAX: u64 = 20_000;
/// What a message may take, usually, and while the network is slow.
pub(super) const LATENCY_MAX: Duration = Duration::from_millis(5);
const SLOW_LATENCY_MAX: Duration = Duration::from_millis(150);

/// What a broker is got hold of by.
#[derive(Clone)]
pub(super) struct Handle {
    /// Its disk.
    pub(super) disk: SimDisk,
    /// Tells it to stop.
    pub(super) stop: Arc<Notify>,
}

/// See the file's head.
pub(super) struct Nemesis {
    random: Random,
    flavor: Flavor,
    brokers: BTreeMap<i32, Handle>,
    next_at: Duration,
    /// What is broken, and until when.
    broken: Vec<(Duration, Undo)>,
    down: BTreeSet<i32>,
    links: BTreeSet<(String, String)>,
    /// When a broker's disk is lost. No more than one is in a run: with two, records may be gone.
    disk_lost_at: Option<Duration>,
    /// Faults so far.
    pub(super) faults: u32,
}

enum Undo {
    Start(i32),
    Repair(String, String),
    Release(String, String),
    Quicken,
}

impl Nemesis {
    pub(super) fn new(
        seed: u64,
        flavor: Flavor,
        loses_a_disk: bool,
        brokers: BTreeMap<i32, Handle>,
    ) -> Nemesis {
        let mut random = Random::new(seed);
        let disk_lost_at =
            loses_a_disk.then(|| Duration::from_millis(random.below(DISK_LOST_MS_MAX)));
        Nemesis {
            random,
            flavor,
            brokers,
            next_at: Duration::ZERO,
            broken: Vec::new(),
            down: BTreeSet::new(),
            links: BTreeSet::new(),
            disk_lost_at,
            faults: 0,
        }
    }

    /// Undoes what is over, and breaks something if it is time: so much of the disturbance is over.
    pub(super) fn look(&mut self, sim: &mut Sim<'_>, disturbed_for: Duration) {
        let now = sim.elapsed();
        for (_, undo) in self
            .broken
            .extract_if(.., |(until, _)| *until <= now)
            .collect::<Vec<_>>()
        {
            self.undo(sim, undo);
        }
        if now >= self.next_at {
            self.next_at = now + self.up_to(PAUSE_MS_MAX);
            self.strike(sim);
        }
        if self.disk_lost_at.is_some_and(|at| disturbed_for >= at) {
            self.lose_disk(sim);
        }
    }

    /// Ends a host's process, which comes back with an empty disk.
    fn lose_disk(&mut self, sim: &mut Sim<'_>) {
        let broker = self.any_broker();
        if self.down.insert(broker) {
            tracing::info!(broker, "loses its disk");
            self.disk_lost_at = None;
            self.faults += 1;
            let disk = &self.brokers[&broker].disk;
            end(sim, broker, disk, false);
            disk.replace();
            self.lasts(sim, Undo::Start(broker));
        }
    }

    /// Undoes everything.
    pub(super) fn heal(&mut self, sim: &mut Sim<'_>) {
        for (_, undo) in std::mem::take(&mut self.broken) {
            self.undo(sim, undo);
        }
    }

    fn strike(&mut self, sim: &mut Sim<'_>) {
        self.faults += 1;
        match self.random.below(14) {
            0..=2 => {
                let victim = self.any_broker();
                self.crash(sim, victim);
            }
            3 => {
                let spared = self.any_broker();
                (1..=BROKERS)
                    .filter(|broker| *broker != spared)
                    .for_each(|broker| self.crash(sim, broker));
            }
            4 => (1..=BROKERS).for_each(|broker| self.crash(sim, broker)),
            5 | 6 => self.cut_one(sim),
            7 => self.cut_one_way(sim),
            8 => self.isolate(sim, true),
            9 => self.isolate(sim, false),
            10 => self.delay(sim),
            11 | 12 => self.stop(sim),
            _ => {
                tracing::info!("the network is slow");
                sim.set_max_message_latency(SLOW_LATENCY_MAX);
                self.lasts(sim, Undo::Quicken);
            }
        }
    }

    /// Ends a host's process; of some crashes the others hear, of others they do not.
    fn crash(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if !self.down.insert(broker) {
            return;
        }
        let name = host(broker);
        let loses_power = self.random.chance(2, 3) && self.flavor.loses_power();
        tracing::info!(broker, loses_power, "crashes");
        let unheard: Vec<String> = match self.random.chance(1, 2) {
            true => self.others_of(&name),
            false => Vec::new(),
        };
        for other in &unheard {
            sim.partition(name.as_str(), other.as_str());
        }
        end(sim, broker, &self.brokers[&broker].disk, loses_power);
        for other in &unheard {
            sim.repair(name.as_str(), other.as_str());
        }
        self.lasts(sim, Undo::Start(broker));
    }

    /// Asks a node to stop in order. If it takes too long, it is killed.
    fn stop(&mut self, sim: &mut Sim<'_>) {
        let broker = self.any_broker();
        if self.down.insert(broker) {
            tracing::info!(broker, "is to stop");
            self.brokers[&broker].stop.notify_one();
            self.lasts(sim, Undo::Start(broker));
        }
    }

    fn cut_one(&mut self, sim: &mut Sim<'_>) {
        let (one, other) = (host(self.any_broker()), self.any_host());
        self.cut(sim, one, other);
    }

    fn cut_one_way(&mut self, sim: &mut Sim<'_>) {
        let (one, other) = (host(self.any_broker()), self.any_host());
        if self.take_link(&one, &other) {
            tracing::info!(from = one, to = other, "one way is cut");
            sim.partition_oneway(one.as_str(), other.as_str());
            self.lasts(sim, Undo::Repair(one, other));
        }
    }

    /// Takes a broker away from the others, and perhaps from clients.
    fn isolate(&mut self, sim: &mut Sim<'_>, from_clients: bool) {
        let broker = self.any_broker();
        let name = host(broker);
        let others = (1..=BROKERS).filter(|other| *other != broker).map(host);
        let clients = CLIENTS.map(str::to_owned).into_iter();
        let all: Vec<String> = match from_clients {
            true => others.chain(clients).collect(),
            false => others.collect(),
        };
        for other in all {
            self.cut(sim, name.clone(), other);
        }
    }

    fn cut(&mut self, sim: &mut Sim<'_>, one: String, other: String) {
        if self.take_link(&one, &other) {
            tracing::info!(one, other, "a link is cut");
            sim.partition(one.as_str(), other.as_str());
            self.lasts(sim, Undo::Repair(one, other));
        }
    }

    /// Holds back what is sent, without losing it.
    fn delay(&mut self, sim: &mut Sim<'_>) {
        let (one, other) = (host(self.any_broker()), self.any_host());
        if self.take_link(&one, &other) {
            tracing::info!(one, other, "a link is held");
            sim.hold(one.as_str(), other.as_str());
            self.lasts(sim, Undo::Release(one, other));
        }
    }

    fn undo(&mut self, sim: &mut Sim<'_>, undo: Undo) {
        match undo {
            Undo::Start(broker) => {
                tracing::info!(broker, "starts");
                self.down.remove(&broker);
                let Handle { disk, stop } = &self.brokers[&broker];
                if sim.is_host_running(host(broker)) {
                    end(sim, broker, disk, false);
                }
                // Whoever did not hear it in time is not to stop when it starts again.
                let _ = stop.notified().now_or_never();
                disk.restart_process();
                sim.bounce(host(broker));
            }
            Undo::Repair(one, other) => {
                tracing::info!(one, other, "a link is repaired");
                sim.repair(one.as_str(), other.as_str());
                self.links.remove(&sorted(&one, &other));
            }
            Undo::Release(one, other) => {
                tracing::info!(one, other, "a link is released");
                sim.release(one.as_str(), other.as_str());
                self.links.remove(&sorted(&one, &other));
            }
            Undo::Quicken => {
                tracing::info!("the network is quick");
                sim.set_max_message_latency(LATENCY_MAX);
            }
        }
    }

    fn lasts(&mut self, sim: &Sim<'_>, undo: Undo) {
        let until = sim.elapsed() + self.up_to(LASTS_MS_MAX);
        self.broken.push((until, undo));
    }

    fn up_to(&mut self, ms_max: u64) -> Duration {
        Duration::from_millis(1 + self.random.below(ms_max))
    }

    fn any_broker(&mut self) -> i32 {
        let number = self.random.below(BROKERS.unsigned_abs().into());
        1 + i32::try_from(number).expect("a few")
    }

    /// Any host, most often a broker's.
    fn any_host(&mut self) -> String {
        match self.random.chance(3, 4) {
            true => host(self.any_broker()),
            false => {
                let number = self.random.below(CLIENTS.len() as u64);
                CLIENTS[usize::try_from(number).expect("a few")].to_owned()
            }
        }
    }

    /// The hosts to which nothing is wrong from here.
    fn others_of(&self, name: &str) -> Vec<String> {
        let clients = CLIENTS.map(str::to_owned).into_iter();
        let all = (1..=BROKERS).map(host).chain(clients);
        all.filter(|other| other != name && !self.links.contains(&sorted(name, other)))
            .collect()
    }

    /// Whether the link exists and nothing is wrong with it; it has a fault from now on.
    fn take_link(&mut self, one: &str, other: &str) -> bool {
        one != other && self.links.insert(sorted(one, other))
    }
}

/// Ends a host's process at once, and with it, if power is lost, what its disk did not sync.
pub(super) fn end(sim: &mut Sim<'_>, broker: i32, disk: &SimDisk, loses_power: bool) {
    disk.cut_power();
    sim.crash(host(broker));
    match loses_power {
        true => disk.power_on(),
        false => disk.restart_process(),
    }
}

fn sorted(one: &str, other: &str) -> (String, String) {
    let (low, high) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    (low.to_owned(), high.to_owned())
}
