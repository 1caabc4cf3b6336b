//! The machines of transactional ids on this node: one for each partition of `__transaction_state` that is open here.

use std::sync::Arc;

use ottla_metadata::topic_name::TRANSACTION_STATE;
use ottla_platform::clock::Clock;
use ottla_transactions::config::TransactionConfig;
use ottla_transactions::machine::Transactions;
use ottla_transactions::state::State;

use crate::images::Images;
use crate::partitions::Partitions;
use crate::shard::{Hosting, HostingOptions, HostingTask};

/// The machines, and how they are asked.
pub type TransactionShards = Hosting<Transactions>;

/// Starts to follow.
pub fn start(
    images: Arc<Images>,
    partitions: Arc<Partitions>,
    clock: Arc<dyn Clock>,
    config: TransactionConfig,
) -> (Arc<TransactionShards>, HostingTask) {
    let options = HostingOptions {
        topic: TRANSACTION_STATE,
        images,
        partitions,
        clock,
        empty: State::new(config),
    };
    TransactionShards::start(options, |_, _, _| {})
}
