//! Links that lose what is sent, or hold it back.

use turmoil::Sim;

use super::Nemesis;
use super::schedule::Undo;
use crate::world::broker::{BROKERS, host};

impl Nemesis {
    pub(super) fn cut_one(&mut self, sim: &mut Sim<'_>, broker: i32) {
        let other = self.any_host();
        self.cut(sim, host(broker), other);
    }

    pub(super) fn cut_one_way(&mut self, sim: &mut Sim<'_>, broker: i32) {
        let (one, other) = (host(broker), self.any_host());
        let (from, to) = match self.random.chance(1, 2) {
            true => (one, other),
            false => (other, one),
        };
        if self.take_link(&from, &to) {
            tracing::info!(from, to, "one way is cut");
            sim.partition_oneway(from.as_str(), to.as_str());
            self.lasts(sim, Undo::Repair(from, to));
        }
    }

    /// Takes a broker away from the others, and perhaps from clients.
    pub(super) fn isolate(&mut self, sim: &mut Sim<'_>, broker: i32, from_clients: bool) {
        let others = (1..=BROKERS).filter(|other| *other != broker).map(host);
        let clients = self.clients.clone();
        let all: Vec<String> = match from_clients {
            true => others.chain(clients).collect(),
            false => others.collect(),
        };
        for other in all {
            self.cut(sim, host(broker), other);
        }
    }

    fn cut(&mut self, sim: &mut Sim<'_>, one: String, other: String) {
        if self.take_link(&one, &other) {
            tracing::info!(one, other, "a link is cut");
            sim.partition(one.as_str(), other.as_str());
            self.lasts(sim, Undo::Repair(one, other));
        }
    }

    /// Holds back what is sent, without losing it.
    pub(super) fn hold_one(&mut self, sim: &mut Sim<'_>, broker: i32) {
        let (one, other) = (host(broker), self.any_host());
        if self.hold(sim, one.clone(), other.clone()) {
            self.lasts(sim, Undo::Release(one, other));
        }
    }

    /// Whether it could be held.
    pub(super) fn hold(&mut self, sim: &mut Sim<'_>, one: String, other: String) -> bool {
        let taken = self.take_link(&one, &other);
        if taken {
            tracing::info!(one, other, "a link is held");
            sim.hold(one, other);
        }
        taken
    }

    pub(super) fn repair(&mut self, sim: &mut Sim<'_>, one: String, other: String) {
        tracing::info!(one, other, "a link is repaired");
        sim.repair(one.as_str(), other.as_str());
        self.links.remove(&sorted(&one, &other));
    }

    pub(super) fn release(&mut self, sim: &mut Sim<'_>, one: String, other: String) {
        tracing::info!(one, other, "a link is released");
        sim.release(one.as_str(), other.as_str());
        self.links.remove(&sorted(&one, &other));
    }

    /// Any host, most often a broker's.
    fn any_host(&mut self) -> String {
        match self.random.chance(3, 4) {
            true => host(self.any_broker()),
            false => {
                let number = self.random.below(self.clients.len() as u64);
                self.clients[usize::try_from(number).expect("a few")].clone()
            }
        }
    }

    /// The hosts to which nothing is wrong from here.
    pub(super) fn others_of(&self, name: &str) -> Vec<String> {
        let clients = self.clients.iter().cloned();
        let all = (1..=BROKERS).map(host).chain(clients);
        all.filter(|other| other != name && !self.links.contains(&sorted(name, other)))
            .collect()
    }

    /// Whether the link exists and nothing is wrong with it; it has a fault from now on.
    fn take_link(&mut self, one: &str, other: &str) -> bool {
        one != other && self.links.insert(sorted(one, other))
    }
}

fn sorted(one: &str, other: &str) -> (String, String) {
    let (low, high) = if one < other {
        (one, other)
    } else {
        (other, one)
    };
    (low.to_owned(), high.to_owned())
}
