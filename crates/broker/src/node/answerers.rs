//! Who answers which questions of other brokers.

use std::sync::Arc;

use ottla_replication::transport::{Answer, Call, Kind, Remote, Service};

use crate::metadata_runner;
use crate::transactions;

/// All who answer.
pub(super) struct Answerers {
    pub(super) metadata: metadata_runner::Answering,
    pub(super) transactions: Arc<transactions::Answering>,
}

impl Service for Answerers {
    fn call(&self, from: &Remote, call: Call) -> Answer {
        match call.kind {
            Kind::Transactions => self.transactions.call(from, call),
            _ => self.metadata.call(from, call),
        }
    }
}
