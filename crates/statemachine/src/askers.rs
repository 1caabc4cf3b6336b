//! Who waits for an answer: askers the machine keeps waiting, and replies parked until the commit.
//!
//! Invariants: every ticket is answered at most once; a parked reply leaves only when everything
//! below the offset it saw is committed; replies leave in the order in which they were decided.

use std::collections::{BTreeMap, VecDeque};

use crate::{Offset, Release};

/// Names the sender of one input until that input is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(u64);

/// The askers of one runner; `T` is what the caller answers through, `R` the reply.
pub(crate) struct Askers<T, R> {
    next: u64,
    waiting: BTreeMap<Ticket, T>,
    parked: VecDeque<Parked<T, R>>,
}

struct Parked<T, R> {
    ticket: Ticket,
    release: Release<T, R>,
}

impl<T, R> Askers<T, R> {
    pub(crate) fn new() -> Self {
        Self {
            next: 0,
            waiting: BTreeMap::new(),
            parked: VecDeque::new(),
        }
    }

    /// How many have no answer yet.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.parked.len()
    }

    pub(crate) fn admit(&mut self, token: T) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.waiting.insert(ticket, token);
        ticket
    }

    /// Parks the reply until everything below `seen` is committed.
    pub(crate) fn park(&mut self, ticket: Ticket, reply: R, seen: Offset) {
        let token = self
            .waiting
            .remove(&ticket)
            .expect("a machine answers each ticket once");
        debug_assert!(
            self.parked
                .back()
                .is_none_or(|last| last.release.seen <= seen)
        );
        self.parked.push_back(Parked {
            ticket,
            release: Release { token, reply, seen },
        });
    }

    /// The replies that saw nothing at or above `committed_end`.
    pub(crate) fn release(&mut self, committed_end: Offset) -> Vec<Release<T, R>> {
        let free = self
            .parked
            .partition_point(|parked| parked.release.seen <= committed_end);
        self.parked
            .drain(..free)
            .map(|parked| parked.release)
            .collect()
    }

    /// Everyone without an answer, in the order in which they asked.
    pub(crate) fn into_tokens(self) -> Vec<T> {
        let parked = self
            .parked
            .into_iter()
            .map(|parked| (parked.ticket, parked.release.token));
        let mut all: Vec<(Ticket, T)> = self.waiting.into_iter().chain(parked).collect();
        all.sort_by_key(|(ticket, _)| *ticket);
        all.into_iter().map(|(_, token)| token).collect()
    }
}
