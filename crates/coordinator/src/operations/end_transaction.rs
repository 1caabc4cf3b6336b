//! The end of a transaction, by the word of its coordinator: what it committed of groups counts from now on, or never
//! does.

use ottla_protocol::ErrorCode;
use ottla_protocol::records::EndMarker;
use ottla_statemachine::Outbox;

use crate::machine::{Groups, Reply};
use crate::record::{Record, TransactionalProducer};
use crate::state::State;

/// A transaction ends.
#[derive(Clone, Debug)]
pub struct EndTransaction {
    /// Whose.
    pub producer_id: i64,
    /// In which epoch its marker is.
    pub producer_epoch: i16,
    /// The epoch of its coordinator.
    pub coordinator_epoch: i32,
    /// Whether it is committed.
    pub commits: bool,
    /// Whether a marker's epoch is newer than that of the transaction that it ends (KIP-890).
    pub epoch_per_transaction: bool,
}

impl EndTransaction {
    pub(crate) fn decide(self, hard: &State, out: &mut Outbox<Groups>) {
        let ended = self.end(hard, out);
        out.reply(Reply::EndTransaction(ended));
    }

    fn end(&self, hard: &State, out: &mut Outbox<Groups>) -> Result<(), ErrorCode> {
        let producer = TransactionalProducer {
            id: self.producer_id,
            epoch: self.producer_epoch,
        };
        let marker = EndMarker {
            commits: self.commits,
            coordinator_epoch: self.coordinator_epoch,
        };
        let producers = hard.producers();
        producers.check_end(producer, marker, self.epoch_per_transaction)?;
        out.record(Record::EndOfTransaction { producer, marker });
        Ok(())
    }
}
