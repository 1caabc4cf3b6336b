//! Processes that end, stand still or are slow, and what is wrong with their disks and clocks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use ottla_platform::sim::{Conditions, SimDisk};
use tokio::sync::Notify;
use turmoil::Sim;

use super::Nemesis;
use super::schedule::Undo;
use crate::world::broker::{BROKERS, host};
use crate::world::trace;

/// How much longer work may take on a slow host.
const SLOWNESS_MAX: u64 = 60;
/// How far a wall clock may be off, in either direction: within what groups keep offsets for.
const CLOCK_OFFSET_MS_MAX: u64 = 2 * 60 * 60 * 1000;
/// What a full disk has left at most.
const ROOM_BYTES_MAX: u64 = 40_000;
/// A disk that begins to fail does so after that many operations at most.
const GOOD_OPERATIONS_MAX: u64 = 40;
/// Soon after a start: during recovery, or just when it serves.
const AFTER_START_MS_MAX: u64 = 1_500;

/// What a broker is got hold of by.
#[derive(Clone)]
pub(in crate::world) struct Handle {
    /// Its disk.
    pub(in crate::world) disk: SimDisk,
    /// Tells it to stop.
    pub(in crate::world) stop: Arc<Notify>,
    /// How its host fares.
    pub(in crate::world) conditions: Arc<Conditions>,
    /// It is there.
    pub(in crate::world) is_there: Arc<AtomicBool>,
    /// It may fail, because its disk does.
    pub(in crate::world) may_fail: Arc<AtomicBool>,
    /// It may not start, because its disk is full.
    pub(in crate::world) may_not_start: Arc<AtomicBool>,
}

impl Handle {
    pub(in crate::world) fn new(seed: u64, is_there: bool) -> Handle {
        Handle {
            disk: SimDisk::new(seed),
            stop: Arc::default(),
            conditions: Arc::default(),
            is_there: Arc::new(AtomicBool::new(is_there)),
            may_fail: Arc::default(),
            may_not_start: Arc::default(),
        }
    }
}

impl Nemesis {
    /// See [`end`].
    pub(super) fn end(&self, sim: &mut Sim<'_>, broker: i32, loses_power: bool) {
        end(sim, broker, &self.brokers[&broker].disk, loses_power);
        if loses_power && self.swarm.may_lose() {
            self.shared.lost();
        }
    }

    /// Ends a host's process; of some crashes the others hear, of others they do not.
    pub(super) fn crash(&mut self, sim: &mut Sim<'_>, broker: i32, loses_power: bool) {
        if !self.struck.insert(broker) {
            return;
        }
        let name = host(broker);
        tracing::info!(broker, loses_power, "crashes");
        let unheard: Vec<String> = match self.random.chance(1, 2) {
            true => self.others_of(&name),
            false => Vec::new(),
        };
        for other in &unheard {
            sim.partition(name.as_str(), other.as_str());
        }
        self.end(sim, broker, loses_power);
        for other in &unheard {
            sim.repair(name.as_str(), other.as_str());
        }
        self.lasts(sim, Undo::Start(broker));
    }

    /// Ends a process, has it come back at once, and its host lose power soon after.
    pub(super) fn crash_twice(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if !self.struck.insert(broker) {
            return;
        }
        tracing::info!(
            broker,
            "crashes and starts again, until its host loses power"
        );
        self.end(sim, broker, false);
        self.brokers[&broker].disk.restart_process();
        sim.bounce(host(broker));
        let until = sim.elapsed() + self.up_to(AFTER_START_MS_MAX);
        self.broken.push((until, Undo::CutPower(broker)));
    }

    /// The power cut that follows.
    pub(super) fn cut_power(&mut self, sim: &mut Sim<'_>, broker: i32) {
        self.struck.remove(&broker);
        self.crash(sim, broker, true);
    }

    /// Asks a node to stop in order. If it takes too long, it is killed.
    pub(super) fn stop(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if self.struck.insert(broker) {
            tracing::info!(broker, "is to stop");
            self.brokers[&broker].stop.notify_one();
            self.lasts(sim, Undo::Start(broker));
        }
    }

    /// Starts what is down, ending what is not.
    pub(super) fn start(&mut self, sim: &mut Sim<'_>, broker: i32) {
        tracing::info!(broker, "starts");
        self.struck.remove(&broker);
        let loses_power = self.misled.remove(&broker);
        if loses_power || sim.is_host_running(host(broker)) {
            self.end(sim, broker, loses_power);
        }
        let handle = &self.brokers[&broker];
        // Whoever did not hear it in time is not to stop when it starts again.
        let _ = handle.stop.notified().now_or_never();
        handle.may_fail.store(false, Ordering::Relaxed);
        handle.disk.restart_process();
        sim.bounce(host(broker));
    }

    /// Ends a host's process, which comes back with an empty disk.
    pub(super) fn lose_disk(&mut self, sim: &mut Sim<'_>) {
        let broker = self.any_broker();
        if self.struck.insert(broker) {
            self.disk_lost_at = None;
            self.count("LostDisk");
            tracing::info!(broker, "loses its disk");
            self.end(sim, broker, false);
            self.brokers[&broker].disk.replace();
            self.lasts(sim, Undo::Start(broker));
        }
    }

    /// Has the brokers come that were not there.
    pub(super) fn grow(&mut self) {
        self.grows_at = None;
        self.count("Growth");
        for broker in self.swarm.beginners + 1..=BROKERS {
            self.struck.remove(&broker);
            self.brokers[&broker]
                .is_there
                .store(true, Ordering::Relaxed);
        }
    }

    /// Nothing that a process sends arrives, nothing that is sent to it is heard, its threads stand still.
    pub(super) fn pause(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if self.struck.insert(broker) {
            tracing::info!(broker, "stands still");
            self.brokers[&broker].conditions.set_stopped(true);
            let others = self.others_of(&host(broker));
            for other in &others {
                self.hold(sim, host(broker), other.clone());
            }
            self.lasts(sim, Undo::GoOn(broker, others));
        }
    }

    pub(super) fn go_on(&mut self, sim: &mut Sim<'_>, broker: i32, held: Vec<String>) {
        tracing::info!(broker, "goes on");
        self.struck.remove(&broker);
        self.brokers[&broker].conditions.set_stopped(false);
        for other in held {
            self.release(sim, host(broker), other);
        }
    }

    pub(super) fn slow_host(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if self.struck.insert(broker) {
            let factor = 2 + self.random.below(SLOWNESS_MAX) as u32;
            tracing::info!(broker, factor, "is slow");
            self.brokers[&broker].conditions.set_slowness(factor);
            self.lasts(sim, Undo::Hasten(broker));
        }
    }

    pub(super) fn hasten(&mut self, broker: i32) {
        tracing::info!(broker, "is quick");
        self.struck.remove(&broker);
        self.brokers[&broker].conditions.set_slowness(1);
    }

    /// A wall clock is off until it jumps again.
    pub(super) fn clock_jump(&mut self, broker: i32) {
        let far = self.random.chance(1, 2);
        let max = if far { CLOCK_OFFSET_MS_MAX } else { 2_000 };
        let offset_ms = self.random.below(2 * max) as i64 - max as i64;
        tracing::info!(broker, offset_ms, "has a wrong clock");
        self.brokers[&broker]
            .conditions
            .set_clock_offset_ms(offset_ms);
    }

    /// What other processes leave of a disk is little, or nothing.
    pub(super) fn full_disk(&mut self, sim: &mut Sim<'_>, broker: i32) {
        if self.struck.insert(broker) {
            let room = match self.random.chance(1, 3) {
                true => 0,
                false => self.random.below(ROOM_BYTES_MAX),
            };
            tracing::info!(broker, room, "has a full disk");
            let handle = &self.brokers[&broker];
            handle.may_not_start.store(true, Ordering::Relaxed);
            let capacity_bytes = Some(handle.disk.used_bytes() + room);
            let disk = &handle.disk;
            disk.set_faults(|faults| faults.capacity_bytes = capacity_bytes);
            self.lasts(sim, Undo::EmptyDisk(broker));
        }
    }

    pub(super) fn empty_disk(&mut self, sim: &mut Sim<'_>, broker: i32) {
        tracing::info!(broker, "has room on its disk");
        let handle = &self.brokers[&broker];
        handle.may_not_start.store(false, Ordering::Relaxed);
        handle
            .disk
            .set_faults(|faults| faults.capacity_bytes = None);
        match sim.is_host_running(host(broker)) {
            true => _ = self.struck.remove(&broker),
            false => self.start(sim, broker),
        }
    }

    /// Syncs, or writes, fail from soon on, which ends the node; then its host starts again.
    pub(super) fn disk_fails(&mut self, sim: &mut Sim<'_>, broker: i32, at_sync: bool) {
        if self.struck.insert(broker) {
            tracing::info!(broker, at_sync, "has a failing disk");
            let good = Some(self.random.below(GOOD_OPERATIONS_MAX));
            if at_sync {
                self.misled.insert(broker);
            }
            let handle = &self.brokers[&broker];
            handle.may_fail.store(true, Ordering::Relaxed);
            handle.disk.set_faults(|faults| match at_sync {
                true => faults.sync_fails_after = good,
                false => faults.write_fails_after = good,
            });
            self.lasts(sim, Undo::Start(broker));
        }
    }
}

/// Ends a host's process at once, and with it, if power is lost, what its disk did not sync.
pub(in crate::world) fn end(sim: &mut Sim<'_>, broker: i32, disk: &SimDisk, loses_power: bool) {
    disk.cut_power();
    // in which order a runtime drops its tasks, and so what they say then, is not decided by the seed
    trace::unheard(|| sim.crash(host(broker)));
    match loses_power {
        true => disk.power_on(),
        false => disk.restart_process(),
    }
}
