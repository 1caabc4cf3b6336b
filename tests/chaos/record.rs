//! Where all clients of a run write down what they see: the history, counts, and how far each is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::history::{Event, History, LAST_READER, Partition, Reader};
use crate::topics;

/// So often it is noted what time it is.
const TIMES_PACE: Duration = Duration::from_millis(5);

/// Shared by all clients of a run; clones are the same record.
#[derive(Clone)]
pub(crate) struct Record(Arc<Mutex<Content>>);

/// What is counted beside the history.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) acknowledged: u64,
    /// Neither acknowledged nor surely refused.
    pub(crate) unknown: u64,
    /// By the reason.
    pub(crate) refused: BTreeMap<String, u64>,
    pub(crate) reads: u64,
    pub(crate) sessions: u64,
    /// Sessions that ended with an error, by what it was.
    pub(crate) broken_sessions: BTreeMap<String, u64>,
    pub(crate) questions: u64,
    pub(crate) answers: u64,
}

/// How far a partition is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Records acknowledged so far.
    pub(crate) acknowledged: u64,
    /// The offset behind the last one of them.
    pub(crate) end: i64,
    /// By reader: the offset behind the last that it has read.
    pub(crate) read: Vec<i64>,
}

struct Content {
    began: Instant,
    history: History,
    counts: Counts,
    progress: Vec<Progress>,
}

impl Record {
    /// An empty one, for so many producers and readers.
    pub(crate) fn new(producers: usize, readers: u8) -> Record {
        let partitions = topics::all().len();
        let progress = Progress {
            acknowledged: 0,
            end: 0,
            read: vec![0; usize::from(readers)],
        };
        let history = History {
            sent: vec![0; producers],
            readers,
            ends: vec![0; partitions],
            ..History::default()
        };
        Record(Arc::new(Mutex::new(Content {
            began: Instant::now(),
            history,
            counts: Counts::default(),
            progress: vec![progress; partitions],
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().expect("nobody panics while locked")
    }

    /// Something was seen.
    pub(crate) fn see(&self, event: Event) {
        self.lock().see(event);
    }

    /// Several things were seen together.
    pub(crate) fn see_all(&self, events: impl IntoIterator<Item = Event>) {
        let mut content = self.lock();
        events.into_iter().for_each(|event| content.see(event));
    }

    /// A producer sends one more record; as which.
    pub(crate) fn send(&self, producer: u16) -> u64 {
        let sent = &mut self.lock().history.sent[usize::from(producer)];
        *sent += 1;
        *sent - 1
    }

    /// Counts something.
    pub(crate) fn count(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.lock().counts);
    }

    /// Changes what is not an event.
    pub(crate) fn change(&self, change: impl FnOnce(&mut History)) {
        change(&mut self.lock().history);
    }

    /// Notes what happens to the cluster.
    pub(crate) fn note(&self, words: String) {
        let history = &mut self.lock().history;
        history.notes.push((history.events.len(), words));
    }

    /// How far all partitions are.
    pub(crate) fn progress(&self) -> Vec<Progress> {
        self.lock().progress.clone()
    }

    /// The history, of which nothing stays here, and the counts.
    pub(crate) fn take(&self) -> (History, Counts) {
        let mut content = self.lock();
        (std::mem::take(&mut content.history), content.counts.clone())
    }
}

impl Content {
    fn see(&mut self, event: Event) {
        match event {
            Event::Acknowledged {
                partition, offset, ..
            } => {
                self.counts.acknowledged += 1;
                let progress = &mut self.progress[partition.index()];
                progress.acknowledged += 1;
                progress.end = progress.end.max(offset + 1);
            }
            Event::AcknowledgedSomewhere { partition, .. } => {
                self.counts.acknowledged += 1;
                self.progress[partition.index()].acknowledged += 1;
            }
            Event::Read {
                reader,
                partition,
                offset,
                ..
            } => self.saw(reader, partition, offset),
            Event::Asked { .. } => self.counts.questions += 1,
            Event::Told { .. } => self.counts.answers += 1,
        }
        self.note_time();
        self.history.events.push(event);
    }

    fn note_time(&mut self) {
        let pace_ms = u64::try_from(TIMES_PACE.as_millis()).expect("it is short");
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).expect("it is no age");
        let times = &mut self.history.times;
        if times
            .last()
            .is_none_or(|(_, last)| now_ms >= last + pace_ms)
        {
            times.push((self.history.events.len(), now_ms));
        }
    }

    fn saw(&mut self, reader: Reader, partition: Partition, offset: i64) {
        self.counts.reads += 1;
        if reader != LAST_READER {
            let read = &mut self.progress[partition.index()].read;
            let next = &mut read[usize::from(reader.0)];
            *next = (*next).max(offset + 1);
        }
    }
}
