//! What a seed makes of a run: how brokers are set up, what clients do, and what may go wrong. Not
//! everything happens in every run: one with a few kinds of faults gets further into each.

use ottla_platform::seed::{Random, mix};

use super::broker::BROKERS;
use super::nemesis::Fault;

/// What is acknowledged, where it was not set otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// As brokers are set up by default: what is on the disks of a majority.
    Synced,
    /// What a majority has in its page cache.
    Cached,
}

/// What a writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writing {
    /// Numbers its records and waits for all.
    Idempotent,
    /// Waits for all, and may write a record twice.
    All,
    /// Waits for the leader.
    Leader,
    /// Waits for nobody.
    Nobody,
}

/// See the file's head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Swarm {
    pub(super) flush: Flush,
    /// Brokers that are there from the beginning.
    pub(super) beginners: i32,
    /// What may go wrong; none twice.
    pub(super) faults: Vec<Fault>,
    /// Longest time between two faults.
    pub(super) pause_ms_max: u64,
    /// One of the brokers comes back with an emptied disk, once.
    pub(super) loses_a_disk: bool,
    pub(super) writers: Vec<Writing>,
    /// How many read.
    pub(super) readers: u32,
    /// Records are deleted from the front.
    pub(super) trims: bool,
    /// A group commits offsets.
    pub(super) commits: bool,
    /// How many share a group.
    pub(super) members: u32,
    /// How many move money in transactions.
    pub(super) bankers: u32,
    /// Somebody keeps values by key, in a topic that is compacted.
    pub(super) keeps: bool,
    /// Topics come and go.
    pub(super) makes_topics: bool,
    /// Replicas move, and who votes on the metadata.
    pub(super) moves: bool,
    /// Some file systems can sync everything at once.
    pub(super) has_whole_sync: bool,
}

impl Swarm {
    pub(super) fn of(seed: u64) -> Swarm {
        let mut random = Random::new(mix(seed ^ 3));
        let flush = match random.below(4) {
            0 => Flush::Cached,
            _ => Flush::Synced,
        };
        let grows = random.chance(1, 8);
        let moves = random.chance(1, 4);
        let keeps_all = flush == Flush::Cached && random.chance(1, 2);
        let loses_a_disk = random.chance(1, 3) && !grows && !moves;
        // with another disk lost, or what others have not synced, nobody may have what is damaged
        let may_flip = flush == Flush::Synced && !loses_a_disk && !grows && !moves;
        let may_happen = |fault: &Fault| match fault {
            Fault::Rot => may_flip,
            fault => !(keeps_all && fault.loses_what_is_not_synced()),
        };
        let mut faults: Vec<Fault> = Fault::ALL.into_iter().filter(may_happen).collect();
        if random.chance(3, 4) {
            let part = random.chance(1, 2);
            faults.retain(|_| random.chance(if part { 1 } else { 2 }, 4));
        }
        if faults.is_empty() {
            faults.push(Fault::Crash);
        }
        let writer = |random: &mut Random| match random.below(8) {
            0 => Writing::All,
            1 => Writing::Leader,
            2 => Writing::Nobody,
            _ => Writing::Idempotent,
        };
        let more = random.below(3);
        let writers = std::iter::once(Writing::Idempotent)
            .chain((0..more).map(|_| writer(&mut random)))
            .collect();
        let may_lose = loses(flush, &faults);
        Swarm {
            flush,
            beginners: if grows { 1 } else { BROKERS },
            faults,
            pause_ms_max: [800, 2_500, 2_500, 6_000][random.below(4) as usize],
            // with a disk lost, what grows or moves may be on that disk alone
            loses_a_disk: loses_a_disk && !may_lose,
            writers,
            readers: 1 + random.below(2) as u32,
            trims: random.chance(1, 3),
            commits: random.chance(1, 2) && !may_lose,
            members: match random.below(4) {
                2 if !may_lose => 2,
                3 if !may_lose => 3,
                _ => 0,
            },
            keeps: !may_lose && Random::new(mix(seed ^ 7)).chance(1, 2),
            makes_topics: random.chance(1, 4),
            moves,
            has_whole_sync: random.chance(1, 2),
            bankers: match random.below(3) {
                0 => 0,
                _ if may_lose => 0,
                more => more as u32,
            },
        }
    }

    /// The same with a bank whatever happens, and little beside it.
    pub(super) fn of_a_bank(seed: u64) -> Swarm {
        let drawn = Swarm::of(seed);
        let mut writers = drawn.writers;
        writers.truncate(1);
        Swarm {
            // what is committed must not be lost
            flush: Flush::Synced,
            writers,
            readers: 1,
            trims: false,
            commits: false,
            members: 0,
            keeps: false,
            bankers: 2 + Random::new(mix(seed ^ 5)).below(3) as u32,
            makes_topics: false,
            ..drawn
        }
    }

    /// Whether what was acknowledged may be gone, because machines lose power that have not synced it.
    pub(super) fn may_lose(&self) -> bool {
        loses(self.flush, &self.faults)
    }
}

fn loses(flush: Flush, faults: &[Fault]) -> bool {
    let cut_power = faults.iter().any(|fault| fault.loses_what_is_not_synced());
    flush == Flush::Cached && cut_power
}
