//! What can go wrong, drawn from a seed. Pure; `world` carries it out.
//!
//! None of it may lose what was acknowledged: no disk is emptied, and one disk at a time fails.

use std::fmt;
use std::time::Duration;

use ottla_platform::seed::Random;

/// Brokers of a cluster; the last one has the number 3 and the place 2.
pub(crate) const BROKERS: usize = 3;
/// The shortest and the longest that faults last.
const HOLD_MS: (u64, u64) = (1_000, 15_000);
/// The same in a run that is over soon.
const BRIEF_HOLD_MS: (u64, u64) = (300, 2_500);
/// The longest rest between the end of faults and the next ones.
const REST_MS_MAX: u64 = 2_000;
/// A sync of a slow disk takes so much longer.
const SYNC_DELAY_MS: (u64, u64) = (20, 1_500);
/// Of a full disk so much is left at most: more than the reserve, below which brokers refuse records.
const LEFT_BYTES_MAX: u64 = 96 << 20;
/// How far a clock is set forward or back.
const JUMP_MS: (u64, u64) = (2_000, 6 * 3_600_000);
/// So many bits flip at once, at most.
const BITS_MAX: u64 = 12;
/// A broker that is killed once more has recovered for so long at most.
pub(crate) const RECOVER_MS_MAX: u64 = 500;

/// Which faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nemesis {
    Kill,
    Pause,
    Partition,
    SlowDisk,
    FullDisk,
    FailingDisk,
    Clock,
    /// Bits flip on one broker's disk, and brokers are killed.
    Rot,
    /// All of them, two at a time now and then.
    Mixed,
    /// Those that need neither root nor doors.
    Anywhere,
}

impl Nemesis {
    /// Those that can be asked for.
    pub(crate) const NAMED: [Nemesis; 9] = [
        Nemesis::Kill,
        Nemesis::Pause,
        Nemesis::Partition,
        Nemesis::SlowDisk,
        Nemesis::FullDisk,
        Nemesis::FailingDisk,
        Nemesis::Clock,
        Nemesis::Rot,
        Nemesis::Mixed,
    ];

    /// As it is asked for.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Nemesis::Kill => "kill",
            Nemesis::Pause => "pause",
            Nemesis::Partition => "partition",
            Nemesis::SlowDisk => "slow-disk",
            Nemesis::FullDisk => "full-disk",
            Nemesis::FailingDisk => "failing-disk",
            Nemesis::Clock => "clock",
            Nemesis::Rot => "rot",
            Nemesis::Mixed => "mixed",
            Nemesis::Anywhere => "anywhere",
        }
    }

    /// Whether brokers need a network of their own.
    pub(crate) fn cuts(self) -> bool {
        matches!(self, Nemesis::Partition | Nemesis::Mixed)
    }

    /// Whether brokers need file systems of their own.
    pub(crate) fn fills(self) -> bool {
        matches!(self, Nemesis::FullDisk | Nemesis::Mixed)
    }

    /// Whether the program needs doors for faults.
    pub(crate) fn needs_doors(self) -> bool {
        use Nemesis::{Clock, FailingDisk, Mixed, SlowDisk};
        matches!(self, SlowDisk | FailingDisk | Clock | Mixed)
    }

    /// Whether bits flip on a disk.
    pub(crate) fn rots(self) -> bool {
        matches!(self, Nemesis::Rot | Nemesis::Mixed)
    }

    fn kinds(self) -> &'static [Kind] {
        match self {
            Nemesis::Kill => &[Kind::Kill],
            Nemesis::Pause => &[Kind::Pause],
            Nemesis::Partition => &[Kind::Cut],
            Nemesis::SlowDisk => &[Kind::SlowDisk],
            Nemesis::FullDisk => &[Kind::FullDisk],
            Nemesis::FailingDisk => &[Kind::FailingDisk],
            Nemesis::Clock => &[Kind::Clock],
            Nemesis::Rot => &[Kind::Rot, Kind::Kill],
            Nemesis::Mixed => &[
                Kind::Kill,
                Kind::Pause,
                Kind::Cut,
                Kind::SlowDisk,
                Kind::FullDisk,
                Kind::FailingDisk,
                Kind::Clock,
                Kind::Rot,
            ],
            Nemesis::Anywhere => &[Kind::Kill, Kind::Pause],
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kill,
    Pause,
    Cut,
    SlowDisk,
    FullDisk,
    FailingDisk,
    Clock,
    Rot,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Broker(usize),
    Clients,
}

/// How a network is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// One broker is alone; whether clients still reach it.
    Full { alone: usize, with_clients: bool },
    /// Nothing from one reaches the other; the other way is open.
    OneWay { from: usize, to: usize },
    /// Nothing from one reaches anybody.
    Mute { broker: usize },
    /// Two that do not see each other, and one that sees both.
    Bridge { middle: usize },
    /// Clients do not reach it, or are not reached by it.
    FromClients { broker: usize, answers_only: bool },
}

impl Cut {
    /// Whose packets do not reach whom.
    pub(crate) fn links(self) -> Vec<(End, End)> {
        let broker = End::Broker;
        let others = |one: usize| (0..BROKERS).filter(move |other| *other != one);
        match self {
            Cut::Full {
                alone,
                with_clients,
            } => {
                let both = |other| {
                    [
                        (broker(other), broker(alone)),
                        (broker(alone), broker(other)),
                    ]
                };
                let mut links: Vec<_> = others(alone).flat_map(both).collect();
                if !with_clients {
                    links.push((End::Clients, broker(alone)));
                }
                links
            }
            Cut::OneWay { from, to } => vec![(broker(from), broker(to))],
            Cut::Mute { broker: mute } => {
                let to = others(mute).map(|other| (broker(mute), broker(other)));
                to.collect()
            }
            Cut::Bridge { middle } => {
                let ends: Vec<usize> = others(middle).collect();
                let (one, other) = (broker(ends[0]), broker(ends[1]));
                vec![(one, other), (other, one)]
            }
            Cut::FromClients {
                broker: from,
                answers_only: true,
            } => vec![(broker(from), End::Clients)],
            Cut::FromClients { broker: to, .. } => vec![(End::Clients, broker(to))],
        }
    }

    fn draw(random: &mut Random) -> Cut {
        let one = place(random);
        let next = (one + 1 + usize::from(random.chance(1, 2))) % BROKERS;
        match random.below(8) {
            0..=2 => Cut::Full {
                alone: one,
                with_clients: random.chance(1, 2),
            },
            3..=4 => Cut::OneWay {
                from: one,
                to: next,
            },
            5 => Cut::Mute { broker: one },
            6 => Cut::Bridge { middle: one },
            _ => Cut::FromClients {
                broker: one,
                answers_only: random.chance(1, 2),
            },
        }
    }
}

/// What goes wrong. Brokers are places in the list of brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// kill -9 of these; whether once more while they recover, and after how long.
    Kill {
        brokers: Vec<usize>,
        again_after_ms: Option<u64>,
    },
    Pause {
        brokers: Vec<usize>,
    },
    Cut(Cut),
    SlowDisk {
        brokers: Vec<usize>,
        sync_delay_ms: u64,
    },
    FullDisk {
        brokers: Vec<usize>,
        left_bytes: u64,
    },
    /// Its syncs fail, or its writes.
    FailingDisk {
        broker: usize,
        writes: bool,
    },
    Clock {
        brokers: Vec<usize>,
        by_ms: i64,
    },
    /// So many bits flip on the disk of the one broker of which they do.
    Rot {
        bits: u32,
        seed: u64,
    },
}

impl Fault {
    /// What it is counted as.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Fault::Kill { .. } => "kill",
            Fault::Pause { .. } => "pause",
            Fault::Cut(Cut::Full { .. }) => "cut-full",
            Fault::Cut(Cut::OneWay { .. } | Cut::Mute { .. }) => "cut-one-way",
            Fault::Cut(Cut::Bridge { .. }) => "cut-bridge",
            Fault::Cut(Cut::FromClients { .. }) => "cut-clients",
            Fault::SlowDisk { .. } => "slow-disk",
            Fault::FullDisk { .. } => "full-disk",
            Fault::FailingDisk { .. } => "failing-disk",
            Fault::Clock { .. } => "clock",
            Fault::Rot { .. } => "rot",
        }
    }

    fn draw(kind: Kind, random: &mut Random) -> Fault {
        match kind {
            Kind::Kill => Fault::Kill {
                brokers: some(random),
                again_after_ms: random.chance(1, 3).then(|| random.below(RECOVER_MS_MAX)),
            },
            Kind::Pause => Fault::Pause {
                brokers: some(random),
            },
            Kind::Cut => Fault::Cut(Cut::draw(random)),
            Kind::SlowDisk => Fault::SlowDisk {
                brokers: some(random),
                sync_delay_ms: between(random, SYNC_DELAY_MS),
            },
            Kind::FullDisk => Fault::FullDisk {
                brokers: some(random),
                left_bytes: match random.chance(1, 2) {
                    true => 0,
                    false => random.below(LEFT_BYTES_MAX),
                },
            },
            Kind::FailingDisk => Fault::FailingDisk {
                broker: place(random),
                writes: random.chance(1, 3),
            },
            Kind::Rot => Fault::Rot {
                bits: 1 + u32::try_from(random.below(BITS_MAX)).expect("it is a few"),
                seed: random.next_u64(),
            },
            Kind::Clock => {
                let by_ms = i64::try_from(jump(random)).expect("it is hours at most");
                Fault::Clock {
                    brokers: some(random),
                    by_ms: if random.chance(1, 2) { by_ms } else { -by_ms },
                }
            }
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Faults that are there at the same time, and when they come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Storm {
    /// Before it.
    pub(crate) rest: Duration,
    pub(crate) faults: Vec<Fault>,
    pub(crate) hold: Duration,
    /// Whether everything must go on again before the next one.
    pub(crate) is_waited_for: bool,
}

impl Storm {
    /// The next one of a run; a brief one if the run is over soon.
    pub(crate) fn draw(nemesis: Nemesis, is_brief: bool, random: &mut Random) -> Storm {
        let kinds = nemesis.kinds();
        let first = pick(kinds, random);
        let mut faults = vec![Fault::draw(first, random)];
        if kinds.len() > 1 && random.chance(1, 3) {
            let second = pick(kinds, random);
            // A broker that is dead has no other fault, and one disk fails at a time.
            if second != first {
                faults.push(Fault::draw(second, random));
            }
        }
        let hold = if is_brief { BRIEF_HOLD_MS } else { HOLD_MS };
        Storm {
            rest: Duration::from_millis(random.below(REST_MS_MAX)),
            faults,
            hold: Duration::from_millis(between(random, hold)),
            is_waited_for: random.chance(2, 3),
        }
    }
}

fn pick(kinds: &[Kind], random: &mut Random) -> Kind {
    let count = u64::try_from(kinds.len()).expect("there are few kinds");
    kinds[usize::try_from(random.below(count)).expect("there are few kinds")]
}

fn place(random: &mut Random) -> usize {
    usize::try_from(random.below(BROKERS as u64)).expect("there are few brokers")
}

/// One broker mostly, two now and then, all of them sometimes.
fn some(random: &mut Random) -> Vec<usize> {
    let one = place(random);
    let count = match random.below(10) {
        0..=5 => 1,
        6..=7 => 2,
        _ => BROKERS,
    };
    (0..count).map(|step| (one + step) % BROKERS).collect()
}

/// Small jumps are as likely as large ones.
fn jump(random: &mut Random) -> u64 {
    let (least, most) = JUMP_MS;
    let most = most >> random.below(12);
    between(random, (least, most.max(least + 1)))
}

fn between(random: &mut Random, (least, most): (u64, u64)) -> u64 {
    least + random.below(most - least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides_the_faults() {
        let all = |seed| -> Vec<Storm> {
            let mut random = Random::new(seed);
            let draw = |_| Storm::draw(Nemesis::Mixed, false, &mut random);
            (0..50).map(draw).collect()
        };
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }

    #[test]
    fn one_disk_fails_at_a_time_and_holds_stay_within_their_bounds() {
        let mut random = Random::new(5);
        for _ in 0..2_000 {
            let storm = Storm::draw(Nemesis::Mixed, false, &mut random);
            let failing = |fault: &&Fault| matches!(fault, Fault::FailingDisk { .. });
            assert!(storm.faults.iter().filter(failing).count() <= 1);
            assert!((1_000..15_000).contains(&storm.hold.as_millis()));
        }
    }

    #[test]
    fn a_full_cut_leaves_the_others_together() {
        let cut = Cut::Full {
            alone: 1,
            with_clients: false,
        };
        let links = cut.links();
        assert_eq!(links.len(), 5);
        assert!(!links.contains(&(End::Broker(0), End::Broker(2))));
    }

    #[test]
    fn a_bridge_sees_both_ends() {
        let links = Cut::Bridge { middle: 1 }.links();
        let (first, last) = (End::Broker(0), End::Broker(2));
        assert_eq!(links, [(first, last), (last, first)]);
    }
}
