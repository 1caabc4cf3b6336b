//! A small history made by hand, in which everything is as it should be.

use std::collections::BTreeMap;

use crate::history::{Entry, Event, History, Replica, Value};

pub(super) const PARTITION: &str = "t-0";

fn sends(value: Value) -> Event {
    Event::Sends {
        partition: Some(PARTITION.to_owned()),
        value,
    }
}

pub(super) fn acknowledged(value: Value, offset: i64) -> Event {
    Event::Acknowledged {
        partition: PARTITION.to_owned(),
        value,
        offset: Some(offset),
    }
}

pub(super) fn read(offset: i64, value: Value) -> Event {
    Event::Read {
        reader: 0,
        partition: PARTITION.to_owned(),
        offset,
        value,
    }
}

/// A history of nothing but what clients saw.
pub(super) fn seen(events: &[Event]) -> History {
    History {
        events: events.to_vec(),
        ..History::default()
    }
}

/// An entry with these values from `offset` on.
pub(super) fn entry(term: i32, offset: i64, values: &[Value]) -> Entry {
    let records: Vec<_> = (offset..).zip(values.iter().copied()).collect();
    let end = offset + i64::try_from(values.len()).unwrap();
    Entry {
        term,
        indexes: 1,
        offsets: offset..end,
        bytes: format!("{term} {records:?}").into_bytes(),
        records,
    }
}

/// Three replicas of four entries: the first is Raft's own, the last is not committed.
pub(super) fn good_run() -> History {
    let entries = [
        (1, entry(1, 0, &[])),
        (2, entry(1, 0, &[10, 11])),
        (3, entry(2, 2, &[12])),
        (4, entry(2, 3, &[13])),
    ];
    let replicas = (1..=3).map(|broker| Replica {
        broker,
        entries: entries.clone().into(),
    });
    History {
        events: vec![
            sends(10),
            sends(11),
            sends(12),
            sends(13),
            acknowledged(10, 0),
            acknowledged(11, 1),
            read(0, 10),
            acknowledged(12, 2),
            read(1, 11),
            read(2, 12),
        ],
        read_to: BTreeMap::from([((0, PARTITION.to_owned()), 3)]),
        committed: BTreeMap::from([(PARTITION.to_owned(), 3)]),
        replicas: BTreeMap::from([(PARTITION.to_owned(), replicas.collect())]),
        ..History::default()
    }
}

/// A replica of the good run, to be changed.
pub(super) fn replica(run: &mut History, number: usize) -> &mut Replica {
    &mut run.replicas.get_mut(PARTITION).unwrap()[number]
}

pub(super) fn begins(transaction: Value) -> Event {
    Event::Begins { transaction }
}

pub(super) fn ends(transaction: Value, commits: bool) -> Event {
    Event::Ends {
        transaction,
        commits,
    }
}

pub(super) fn audited(partition: &str, transaction: Value) -> Event {
    Event::Audited {
        partition: partition.to_owned(),
        transaction,
    }
}
