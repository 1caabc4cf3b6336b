//! A planted history that is as it should be, to be spoilt by each test in its own way.

use crate::history::{Event, History, Identity, LAST_READER, Partition, Reader, Recovery};

/// The only partition that has records.
pub(super) const PARTITION: Partition = Partition(0);
/// The only reader beside the last one.
pub(super) const READER: Reader = Reader(0);
/// At the offsets 0 to 3: two producers by turns.
pub(super) const RECORDS: [(u16, u64); 4] = [(0, 0), (1, 0), (0, 1), (1, 1)];

/// The record that is at this offset.
pub(super) fn record(offset: usize) -> Identity {
    let (producer, sequence) = RECORDS[offset];
    Identity::new(producer, sequence)
}

pub(super) fn acknowledged(offset: i64, record: Identity) -> Event {
    Event::Acknowledged {
        partition: PARTITION,
        record,
        offset,
    }
}

pub(super) fn read(reader: Reader, offset: i64, record: Identity) -> Event {
    Event::Read {
        reader,
        session: 0,
        partition: PARTITION,
        offset,
        record,
    }
}

/// All is acknowledged and read by both readers; each producer has sent one record of which nobody knows.
pub(super) fn good_run() -> History {
    let numbered = || (0..).zip(0..RECORDS.len());
    let mut events = Vec::new();
    events.extend(numbered().map(|(offset, at)| acknowledged(offset, record(at))));
    for reader in [READER, LAST_READER] {
        events.extend(numbered().map(|(offset, at)| read(reader, offset, record(at))));
    }
    History {
        events,
        sent: vec![3, 3],
        readers: 1,
        is_read: true,
        ends: vec![4],
        recoveries: vec![Recovery {
            after: "a kill".to_owned(),
            writes: vec![Some(10)],
            reads: vec![vec![Some(20)]],
        }],
        ..History::default()
    }
}

/// Changes what the last reader found at an offset; `None`: nothing.
pub(super) fn replace_last_read(history: &mut History, at: i64, with: Option<Identity>) {
    let position = history.events.iter().position(
        |event| matches!(event, Event::Read { reader: LAST_READER, offset, .. } if *offset == at),
    );
    let position = position.expect("the last reader has read that");
    match with {
        Some(record) => history.events[position] = read(LAST_READER, at, record),
        None => drop(history.events.remove(position)),
    }
}
