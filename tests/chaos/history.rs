//! What a run leaves to be judged: what clients saw, in the order in which they saw it. Pure.
//!
//! An event is small (24 bytes), because half an hour has millions of them.

use std::fmt;

use crate::topics;

/// Which record: its producer and its place among those of that producer. No two have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity(u64);

const SEQUENCE_BITS: u32 = 48;

impl Identity {
    /// Of the record that this producer sends as this one, from 0.
    pub(crate) fn new(producer: u16, sequence: u64) -> Identity {
        assert!(sequence >> SEQUENCE_BITS == 0, "no run has so many records");
        Identity(u64::from(producer) << SEQUENCE_BITS | sequence)
    }

    pub(crate) fn from_bits(bits: u64) -> Identity {
        Identity(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// Who sent it.
    pub(crate) fn producer(self) -> usize {
        usize::try_from(self.0 >> SEQUENCE_BITS).expect("16 bits fit")
    }

    /// As which of its records.
    pub(crate) fn sequence(self) -> u64 {
        self.0 & ((1 << SEQUENCE_BITS) - 1)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "record {} of producer {}",
            self.sequence(),
            self.producer()
        )
    }
}

/// A partition of any of the topics, by its place in [`topics::all`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Partition(pub(crate) u16);

impl Partition {
    /// As a place in a list.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match topics::all().get(self.index()) {
            Some(partition) => partition.fmt(f),
            None => write!(f, "partition {}", self.0),
        }
    }
}

/// Who reads. Sessions of a reader follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Reader(pub(crate) u8);

/// Who reads everything once more when all is over.
pub(crate) const LAST_READER: Reader = Reader(u8::MAX);

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            LAST_READER => f.write_str("the last reader"),
            Reader(number) => write!(f, "reader {number}"),
        }
    }
}

/// Something that a client saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A record was acknowledged at this offset.
    Acknowledged {
        partition: Partition,
        record: Identity,
        offset: i64,
    },
    /// A record was acknowledged, but the acknowledgement that told the offset got lost.
    AcknowledgedSomewhere {
        partition: Partition,
        record: Identity,
    },
    /// A record was read.
    Read {
        reader: Reader,
        session: u16,
        partition: Partition,
        offset: i64,
        record: Identity,
    },
    /// Somebody asks for the latest offset; see [`asked_of`] for whom.
    Asked { partition: Partition, question: u64 },
    /// He was told.
    Told {
        partition: Partition,
        question: u64,
        offset: i64,
    },
}

/// The number of a question says of which of so many brokers it is asked.
pub(crate) fn question(number: u64, broker: usize, brokers: usize) -> u64 {
    number * brokers as u64 + broker as u64
}

/// The place of the broker that was asked.
pub(crate) fn asked_of(question: u64, brokers: usize) -> usize {
    usize::try_from(question % brokers as u64).expect("there are few brokers")
}

/// How long after the end of a fault a partition took records again, and each reader got them.
/// `None`: not as long as was waited.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recovery {
    /// What was undone, in words.
    pub(crate) after: String,
    /// By partition: milliseconds until a record was acknowledged.
    pub(crate) writes: Vec<Option<u64>>,
    /// By reader, then by partition: milliseconds until it had read what was acknowledged.
    pub(crate) reads: Vec<Vec<Option<u64>>>,
}

/// A transaction, by the word of who began it; it may say nothing of its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transfer {
    /// Where it writes its number to.
    pub(crate) partitions: Vec<usize>,
    pub(crate) is_committed: bool,
    pub(crate) is_aborted: bool,
}

/// All of a run.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) events: Vec<Event>,
    /// By producer: how many records it has sent.
    pub(crate) sent: Vec<u64>,
    /// How many readers there were beside the last one.
    pub(crate) readers: u8,
    /// Whether all was read once more at the end, by everybody; if not, other words say why.
    pub(crate) is_read: bool,
    /// By partition: the end that was told when all was over.
    pub(crate) ends: Vec<i64>,
    /// One for each time that everything was whole again.
    pub(crate) recoveries: Vec<Recovery>,
    /// What readers got that nobody sent, or did not get, in words.
    pub(crate) damaged: Vec<String>,
    /// Brokers that ended though nobody ended them, or did not come back, in words.
    pub(crate) deaths: Vec<String>,
    /// Notes between events: how many were there, and what happened.
    pub(crate) notes: Vec<(usize, String)>,
    /// Transactions, by their numbers.
    pub(crate) transfers: Vec<Transfer>,
    /// Their numbers, as a reader of what is committed got them while there were faults.
    pub(crate) committed_reads: Vec<usize>,
    /// By partition: those that were there in the end. Empty if they could not be read.
    pub(crate) bank: Vec<Vec<usize>>,
    /// When they were seen, now and then: how many were there, and milliseconds since the start.
    pub(crate) times: Vec<(usize, u64)>,
}

impl History {
    /// When an event was seen, and the last two notes before it.
    pub(crate) fn circumstances(&self, event: usize) -> String {
        let until = self.notes.partition_point(|(at, _)| *at <= event);
        let last = &self.notes[until.saturating_sub(2)..until];
        let words: Vec<&str> = last.iter().map(|(_, what)| what.as_str()).collect();
        format!("{}; {}", self.moment(event), words.join(", "))
    }

    /// About when an event was seen.
    pub(crate) fn moment(&self, event: usize) -> String {
        let until = self.times.partition_point(|(at, _)| *at <= event);
        let known = until.checked_sub(1).map_or(0, |last| self.times[last].1);
        format!("at {}.{:03} s", known / 1_000, known % 1_000)
    }

    /// By partition: the longest time between two acknowledgements, in milliseconds.
    pub(crate) fn silences_ms(&self) -> Vec<u64> {
        let mut silences = vec![0; self.ends.len()];
        let mut last: Vec<Option<u64>> = vec![None; self.ends.len()];
        let mut times = self.times.iter().peekable();
        let mut now_ms = 0;
        for (index, event) in self.events.iter().enumerate() {
            while let Some((_, at_ms)) = times.next_if(|(from, _)| *from <= index) {
                now_ms = *at_ms;
            }
            if let Event::Acknowledged { partition, .. }
            | Event::AcknowledgedSomewhere { partition, .. } = *event
            {
                let place = partition.index();
                let before = last[place].replace(now_ms).unwrap_or(now_ms);
                silences[place] = silences[place].max(now_ms - before);
            }
        }
        silences
    }

    /// By partition: what the last reader found, by offset.
    pub(crate) fn final_logs(&self) -> Vec<Vec<(i64, Identity)>> {
        let mut logs = vec![Vec::new(); self.ends.len()];
        for event in &self.events {
            if let Event::Read {
                reader: LAST_READER,
                partition,
                offset,
                record,
                ..
            } = *event
            {
                logs[partition.index()].push((offset, record));
            }
        }
        for log in &mut logs {
            log.sort_by_key(|(offset, _)| *offset);
        }
        logs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_silence_is_between_two_acknowledgements_of_one_partition() {
        let acknowledged = |partition, offset| Event::Acknowledged {
            partition: Partition(partition),
            record: Identity::new(0, 0),
            offset,
        };
        let history = History {
            events: vec![acknowledged(0, 0), acknowledged(1, 0), acknowledged(0, 1)],
            times: vec![(0, 100), (1, 300), (2, 450)],
            ends: vec![2, 1],
            ..History::default()
        };
        assert_eq!(history.silences_ms(), [350, 0]);
        assert_eq!(history.moment(1), "at 0.300 s");
    }
}
