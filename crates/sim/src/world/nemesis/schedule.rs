//! What goes wrong when, and for how long. Each fault is decided by the seed, lasts for a while, and is
//! then undone.
//!
//! A link has one fault at a time, and a host that is down has no other.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ottla_platform::seed::Random;
use turmoil::Sim;

use super::fault::Fault;
use super::hosts::Handle;
use super::rot::Rot;
use crate::world::broker::BROKERS;
use crate::world::shared::Shared;
use crate::world::swarm::Swarm;

/// Longest time that a fault lasts.
const LASTS_MS_MAX: u64 = 6_000;
/// When a disk is lost at the latest, so that the others have time to fill the new one.
const DISK_LOST_MS_MAX: u64 = 20_000;
/// When a cluster that begins with one broker gets the others at the latest.
const GROWS_MS_MAX: u64 = 15_000;
/// What a message may take, usually, and while the network is slow.
pub(in crate::world) const LATENCY_MAX: Duration = Duration::from_millis(5);
const SLOW_LATENCY_MAX: Duration = Duration::from_millis(150);

/// See the file's head.
pub(in crate::world) struct Nemesis {
    pub(super) random: Random,
    pub(super) swarm: Swarm,
    pub(super) brokers: BTreeMap<i32, Handle>,
    pub(super) clients: Vec<String>,
    pub(super) shared: Shared,
    next_at: Duration,
    /// What is broken, and until when.
    pub(super) broken: Vec<(Duration, Undo)>,
    /// Brokers that are not as they should be.
    pub(super) struck: BTreeSet<i32>,
    pub(super) links: BTreeSet<(String, String)>,
    /// Brokers whose page cache holds what a failed sync did not write, and takes it for written.
    pub(super) misled: BTreeSet<i32>,
    /// Whose disk flips bits, and which.
    pub(super) rot: Rot,
    /// When a broker's disk is lost. No more than one is in a run: with two, records may be gone.
    pub(super) disk_lost_at: Option<Duration>,
    /// When the brokers come that are not there from the beginning.
    pub(super) grows_at: Option<Duration>,
    /// How often what went wrong.
    counts: BTreeMap<String, u32>,
}

pub(super) enum Undo {
    Start(i32),
    CutPower(i32),
    GoOn(i32, Vec<String>),
    Hasten(i32),
    EmptyDisk(i32),
    Repair(String, String),
    Release(String, String),
    Quicken,
}

impl Nemesis {
    pub(in crate::world) fn new(
        seed: u64,
        swarm: &Swarm,
        brokers: BTreeMap<i32, Handle>,
        clients: Vec<String>,
        shared: Shared,
    ) -> Nemesis {
        let mut random = Random::new(seed);
        let mut once = |happens: bool, ms_max| {
            let at = Duration::from_millis(random.below(ms_max));
            happens.then_some(at)
        };
        let disk_lost_at = once(swarm.loses_a_disk, DISK_LOST_MS_MAX);
        let grows_at = once(swarm.beginners < BROKERS, GROWS_MS_MAX);
        let rot = Rot::of_one(&mut random);
        let absent = swarm.beginners + 1..=BROKERS;
        Nemesis {
            random,
            swarm: swarm.clone(),
            brokers,
            clients,
            shared,
            next_at: Duration::ZERO,
            broken: Vec::new(),
            struck: absent.collect(),
            links: BTreeSet::new(),
            misled: BTreeSet::new(),
            rot,
            disk_lost_at,
            grows_at,
            counts: BTreeMap::new(),
        }
    }

    /// Faults so far.
    pub(in crate::world) fn faults(&self) -> u32 {
        self.counts.values().sum()
    }

    /// Undoes what is over, and breaks something if it is time: so much of the disturbance is over.
    pub(in crate::world) fn look(&mut self, sim: &mut Sim<'_>, disturbed_for: Duration) {
        let now = sim.elapsed();
        let over = self.broken.extract_if(.., |(until, _)| *until <= now);
        for (_, undo) in over.collect::<Vec<_>>() {
            self.undo(sim, undo);
        }
        self.note_old_bytes(now);
        if now >= self.next_at {
            self.next_at = now + self.up_to(self.swarm.pause_ms_max);
            self.strike(sim);
        }
        if self.disk_lost_at.is_some_and(|at| disturbed_for >= at) {
            self.lose_disk(sim);
        }
        if self.grows_at.is_some_and(|at| disturbed_for >= at) {
            self.grow();
        }
    }

    /// Undoes everything.
    pub(in crate::world) fn heal(&mut self, sim: &mut Sim<'_>) {
        // to undo one may be to break another
        while let Some((_, undo)) = self.broken.pop() {
            self.undo(sim, undo);
        }
        for Handle { conditions, .. } in self.brokers.values() {
            conditions.set_clock_offset_ms(0);
        }
        if self.grows_at.is_some() {
            self.grow();
        }
    }

    fn strike(&mut self, sim: &mut Sim<'_>) {
        let kinds = self.swarm.faults.len() as u64;
        let fault = self.swarm.faults[self.random.below(kinds) as usize];
        let broker = self.any_broker();
        let others = (1..=BROKERS).filter(|other| *other != broker);
        match fault {
            Fault::Crash => self.crash(sim, broker, false),
            Fault::PowerCut => self.crash(sim, broker, true),
            Fault::PowerCutOfTwo => others.for_each(|broker| self.crash(sim, broker, true)),
            Fault::PowerCutOfAll => {
                (1..=BROKERS).for_each(|broker| self.crash(sim, broker, true));
            }
            Fault::CrashThenPowerCut => self.crash_twice(sim, broker),
            Fault::Stop => self.stop(sim, broker),
            Fault::Pause => self.pause(sim, broker),
            Fault::SlowHost => self.slow_host(sim, broker),
            Fault::Cut => self.cut_one(sim, broker),
            Fault::CutOneWay => self.cut_one_way(sim, broker),
            Fault::Isolate => self.isolate(sim, broker, true),
            Fault::IsolateFromBrokers => self.isolate(sim, broker, false),
            Fault::Hold => self.hold_one(sim, broker),
            Fault::SlowNetwork => {
                sim.set_max_message_latency(SLOW_LATENCY_MAX);
                self.lasts(sim, Undo::Quicken);
            }
            Fault::ClockJump => self.clock_jump(broker),
            Fault::FullDisk => self.full_disk(sim, broker),
            Fault::SyncFails => self.disk_fails(sim, broker, true),
            Fault::WriteFails => self.disk_fails(sim, broker, false),
            Fault::Rot => self.rot(sim),
        }
        self.count(&format!("{fault:?}"));
    }

    fn undo(&mut self, sim: &mut Sim<'_>, undo: Undo) {
        match undo {
            Undo::Start(broker) => self.start(sim, broker),
            Undo::CutPower(broker) => self.cut_power(sim, broker),
            Undo::GoOn(broker, held) => self.go_on(sim, broker, held),
            Undo::Hasten(broker) => self.hasten(broker),
            Undo::EmptyDisk(broker) => self.empty_disk(sim, broker),
            Undo::Repair(one, other) => self.repair(sim, one, other),
            Undo::Release(one, other) => self.release(sim, one, other),
            Undo::Quicken => {
                tracing::info!("the network is quick");
                sim.set_max_message_latency(LATENCY_MAX);
            }
        }
    }

    pub(super) fn count(&mut self, what: &str) {
        tracing::info!(fault = what, "strikes");
        *self.counts.entry(what.to_owned()).or_default() += 1;
    }

    pub(super) fn lasts(&mut self, sim: &Sim<'_>, undo: Undo) {
        let until = sim.elapsed() + self.up_to(LASTS_MS_MAX);
        self.broken.push((until, undo));
    }

    pub(super) fn up_to(&mut self, ms_max: u64) -> Duration {
        Duration::from_millis(1 + self.random.below(ms_max))
    }

    pub(super) fn any_broker(&mut self) -> i32 {
        let number = self.random.below(BROKERS.unsigned_abs().into());
        1 + i32::try_from(number).expect("a few")
    }
}
