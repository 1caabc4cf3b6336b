//! What only the leader knows: which decided transactions nobody writes markers for yet, and the epochs that producers
//! had before their newest.

use std::collections::{BTreeMap, VecDeque};

use ottla_statemachine::Ticket;

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
}
