//! What only the leader knows: which decided transactions nobody writes markers for yet, who waits for a transaction to
//! be complete, and the epochs that producers had before their newest.

use std::collections::{BTreeMap, VecDeque};

use ottla_statemachine::{Outbox, Ticket};

use crate::machine::{Reply, Transactions};

/// So many wait for one transaction at most.
const WAITING_MAX: usize = 64;

/// The leader's memory.
#[derive(Debug, Default)]
pub struct Live {
    /// Decided, and not given to whoever writes markers.
    pub(crate) decided: VecDeque<String>,
    /// Waits for the next of them.
    pub(crate) taker: Option<Ticket>,
    /// The epoch before a producer's newest, by transactional id: a producer that did not hear of the newest may ask
    /// for it again (KIP-360). The log does not say; nor does Kafka's.
    pub(crate) last_epochs: BTreeMap<String, i16>,
    /// By transactional id: who is to be told so once its transaction is complete, to ask again then.
    waiting: BTreeMap<String, Vec<(Ticket, Reply)>>,
}

impl Live {
    /// Whoever asked is told so when the transaction is complete; at once if too many wait, or nobody asked.
    pub(crate) fn wait(
        &mut self,
        transactional_id: &str,
        reply: Reply,
        out: &mut Outbox<Transactions>,
    ) {
        let waiting = self.waiting.entry(transactional_id.to_owned()).or_default();
        match out.ticket().filter(|_| waiting.len() < WAITING_MAX) {
            Some(ticket) => waiting.push((ticket, reply)),
            None => out.reply(reply),
        }
    }

    /// A transaction is complete.
    pub(crate) fn complete(&mut self, transactional_id: &str, out: &mut Outbox<Transactions>) {
        for (ticket, reply) in self.waiting.remove(transactional_id).unwrap_or_default() {
            out.reply_to(ticket, reply);
        }
    }

    /// Nobody waits any longer.
    pub(crate) fn give_up_waiting(&mut self, out: &mut Outbox<Transactions>) {
        for (ticket, reply) in std::mem::take(&mut self.waiting).into_values().flatten() {
            out.reply_to(ticket, reply);
        }
    }
}
