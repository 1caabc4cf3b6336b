//! The cluster under attack, and the hands that break and mend it.

use std::path::PathBuf;
use std::time::Duration;

use ottla_client::Address;
use ottla_tests::broker::Place;
use ottla_tests::{Broker, Cluster, Settings, wait};

use crate::disks::Disks;
use crate::doors::Doors;
use crate::fault::{BROKERS, Fault};
use crate::network::Network;
use crate::plan::Plan;
use crate::rot::{Rot, wait_until_all_is_whole};

/// How long a broker may run on whose disk fails.
const ENDS_WITHIN: Duration = Duration::from_secs(15);
/// With a disk that forgets, brokers look through their logs so often.
const SCRUB_MS: &str = "3000";
/// What it says.
const DISK_FAILED: &str = "log directory failed";

/// Three brokers, and what they have of their own.
pub(crate) struct World {
    cluster: Cluster,
    network: Option<Network>,
    disks: Option<Disks>,
    doors: Option<Doors>,
    rot: Option<Rot>,
    /// By broker: how it is meant to be.
    states: [State; BROKERS],
    /// How often a broker ended because its disk failed.
    ended_by_disk: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Runs,
    Paused,
    /// And is killed once more when it has recovered for so long.
    Killed {
        again_after_ms: Option<u64>,
    },
    /// It may end by itself, and has said so many times before that its disk fails.
    DiskFails {
        said: usize,
    },
}

impl World {
    /// Starts the brokers, with what the nemesis needs.
    pub(crate) fn start(plan: &Plan) -> Result<World, String> {
        let nemesis = plan.nemesis;
        let network = nemesis.cuts().then(Network::make).transpose()?;
        let disks = nemesis.fills().then(Disks::make).transpose()?;
        let doors = nemesis.needs_doors().then(Doors::make).transpose()?;
        let places: Vec<Place> = (0..BROKERS)
            .map(|broker| Place {
                address: network.as_ref().map(|network| network.address(broker)),
                through: network
                    .as_ref()
                    .map_or_else(Vec::new, |network| network.through(broker)),
                environment: doors
                    .iter()
                    .map(|doors| doors.environment(broker))
                    .collect(),
                data: disks.as_ref().map(|disks| disks.data(broker)),
            })
            .collect();
        let rot = nemesis.rots().then(|| Rot::of_one(plan.seed));
        let scrub_ms = rot.as_ref().map(|_| SCRUB_MS);
        let cluster = Cluster::start_each(BROKERS, move |number| {
            let settings = Settings {
                place: places[number - 1].clone(),
                ..Settings::default()
            };
            match scrub_ms {
                Some(pause) => settings.with("ottla.scrub.interval.ms", pause),
                None => settings,
            }
        })?;
        if let Some(doors) = &doors {
            doors.check()?;
        }
        Ok(World {
            cluster,
            network,
            disks,
            doors,
            rot,
            states: [State::Runs; BROKERS],
            ended_by_disk: 0,
        })
    }

    /// What clients take as bootstrap servers.
    pub(crate) fn bootstrap(&self) -> String {
        self.cluster.bootstrap()
    }

    /// Where each broker serves clients.
    pub(crate) fn addresses(&mut self) -> Vec<Address> {
        let of = |broker: &mut Broker| {
            let at = broker.address();
            Address::new(at.ip().to_string(), at.port())
        };
        self.cluster.brokers().iter_mut().map(of).collect()
    }

    /// Has something go wrong.
    pub(crate) fn strike(&mut self, fault: &Fault) -> Result<(), String> {
        match fault {
            Fault::Kill {
                brokers,
                again_after_ms,
            } => {
                let again_after_ms = *again_after_ms;
                for &broker in brokers {
                    self.cluster.brokers()[broker].kill();
                    self.states[broker] = State::Killed { again_after_ms };
                }
            }
            Fault::Pause { brokers } => {
                let running = |broker: &&usize| self.states[**broker] == State::Runs;
                let brokers: Vec<usize> = brokers.iter().filter(running).copied().collect();
                for broker in brokers {
                    self.cluster.brokers()[broker].pause();
                    self.states[broker] = State::Paused;
                }
            }
            Fault::Cut(cut) => {
                let network = self.network.as_ref().ok_or("there is no network to cut")?;
                cut.links()
                    .into_iter()
                    .try_for_each(|link| network.cut(link))?;
            }
            Fault::FullDisk {
                brokers,
                left_bytes,
            } => {
                let disks = self.disks.as_ref().ok_or("there are no disks to fill")?;
                let mut all = brokers.iter();
                all.try_for_each(|&broker| disks.fill(broker, *left_bytes))?;
            }
            Fault::SlowDisk {
                brokers,
                sync_delay_ms,
            } => {
                for &broker in brokers {
                    self.open_door(broker, "sync_delay_ms", sync_delay_ms)?;
                }
            }
            Fault::FailingDisk { broker, writes } => {
                let name = if *writes { "write_fails" } else { "sync_fails" };
                self.open_door(*broker, name, 1)?;
                if self.states[*broker] == State::Runs {
                    let said = said(&self.cluster.brokers()[*broker]);
                    self.states[*broker] = State::DiskFails { said };
                }
            }
            Fault::Rot { bits, seed } => {
                let rot = self.rot.as_mut().ok_or("there is no disk that forgets")?;
                let data = self.cluster.brokers()[rot.broker].data_folder();
                rot.flip(&data, *bits, *seed)?;
            }
            Fault::Clock { brokers, by_ms } => {
                for &broker in brokers {
                    self.open_door(broker, "clock_offset_ms", by_ms)?;
                }
            }
        }
        Ok(())
    }

    fn open_door(
        &mut self,
        broker: usize,
        name: &'static str,
        value: impl ToString,
    ) -> Result<(), String> {
        let doors = self.doors.as_mut().ok_or("the program has no doors")?;
        doors.set(broker, name, value)
    }

    /// Undoes all that went wrong and waits until all brokers answer. A broker that does not come
    /// back is an error.
    pub(crate) fn mend(&mut self) -> Result<(), String> {
        self.end_failing()?;
        if let Some(network) = &self.network {
            network.mend()?;
        }
        if let Some(disks) = &self.disks {
            disks.clear()?;
        }
        if let Some(doors) = &mut self.doors {
            doors.close()?;
        }
        for (broker, state) in self.cluster.brokers().iter_mut().zip(&mut self.states) {
            if *state == State::Paused {
                broker.unpause();
                *state = State::Runs;
            }
        }
        self.resume()
    }

    /// Ends a broker whose disk fails, which should have ended by itself: at the first sync that failed.
    fn end_failing(&mut self) -> Result<(), String> {
        for (broker, state) in self.cluster.brokers().iter_mut().zip(&mut self.states) {
            let State::DiskFails { said: before } = *state else {
                continue;
            };
            // Where nothing is written, as in a broker that is cut off, nothing fails.
            let ended = wait::poll(ENDS_WITHIN, || broker.ended());
            if ended.is_some() && said(broker) == before {
                return Err(format!(
                    "a broker whose disk failed ended without saying so:\n{}",
                    broker.log_tail()
                ));
            }
            self.ended_by_disk += u32::from(ended.is_some());
            broker.kill();
            *state = State::Killed {
                again_after_ms: None,
            };
        }
        Ok(())
    }

    /// Starts those that do not run.
    fn resume(&mut self) -> Result<(), String> {
        let dead = |state: &State| matches!(state, State::Killed { .. });
        let dead: Vec<bool> = self.states.iter().map(dead).collect();
        let brokers = self.cluster.brokers();
        let spawn = |brokers: &mut [Broker], which: &[bool]| {
            let mut each = brokers.iter_mut().zip(which).filter(|(_, which)| **which);
            each.try_for_each(|(broker, _)| broker.spawn().map(|_| ()))
        };
        spawn(brokers, &dead)?;
        let again_after_ms = |state: &State| match state {
            State::Killed { again_after_ms } => *again_after_ms,
            State::Runs | State::Paused | State::DiskFails { .. } => None,
        };
        let again: Vec<Option<u64>> = self.states.iter().map(again_after_ms).collect();
        if let Some(recovered_ms) = again.iter().flatten().max() {
            // The moment of a fault is left to chance; nothing is waited for.
            std::thread::sleep(Duration::from_millis(*recovered_ms));
            let which: Vec<bool> = again.iter().map(Option::is_some).collect();
            let each = brokers.iter_mut().zip(&which);
            each.filter(|(_, which)| **which)
                .for_each(|(broker, _)| broker.kill());
            spawn(brokers, &which)?;
        }
        for (broker, state) in brokers.iter_mut().zip(&mut self.states) {
            if matches!(state, State::Killed { .. }) {
                broker.wait_until_it_answers()?;
                *state = State::Runs;
            }
        }
        Ok(())
    }

    /// Brokers that ended though nothing ended them, with the end of what they logged.
    pub(crate) fn deaths(&mut self) -> Vec<String> {
        let mut deaths = Vec::new();
        for (number, broker) in (1..).zip(self.cluster.brokers()) {
            if matches!(self.states[number - 1], State::DiskFails { .. }) {
                continue;
            }
            if let Some(status) = broker.ended() {
                let log = broker.log_tail();
                deaths.push(format!("broker {number} ended with {status}:\n{log}"));
            }
        }
        deaths
    }

    /// Waits until nothing is damaged that bits were flipped in, where they were.
    pub(crate) fn wait_until_whole(&mut self) -> Result<(), String> {
        if self.rot.is_none() {
            return Ok(());
        }
        let brokers = self.cluster.brokers().iter();
        let data: Vec<PathBuf> = brokers.map(|broker| broker.data_folder()).collect();
        wait_until_all_is_whole(&data).map_err(|spoiled| {
            for (broker, data) in self.cluster.brokers().iter_mut().zip(&data) {
                if let Err(error) = spoiled.keep(data, broker.keep()) {
                    println!("cannot keep {}: {error}", data.display());
                }
            }
            spoiled.words
        })
    }

    /// How many bits were flipped, if a disk forgets.
    pub(crate) fn flips(&self) -> Option<u32> {
        self.rot.as_ref().map(|rot| rot.flips)
    }

    /// How often a broker ended because its disk failed.
    pub(crate) fn ended_by_disk(&self) -> u32 {
        self.ended_by_disk
    }

    /// Keeps the brokers' folders, with their logs, when all is over; where they are.
    pub(crate) fn keep(&mut self) -> Vec<String> {
        let brokers = self.cluster.brokers().iter_mut();
        brokers
            .map(|broker| broker.keep().display().to_string())
            .collect()
    }
}

/// How often a broker has said that its disk fails.
fn said(broker: &Broker) -> usize {
    broker.log().matches(DISK_FAILED).count()
}
