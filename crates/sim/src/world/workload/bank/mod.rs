//! A bank: transactions that move money between two accounts, and a chain that copies what one account sees.
//!
//! - [`accounts`]: the topics;
//! - [`transaction`]: a transactional producer, request by request;
//! - [`banker`]: moves money;
//! - [`forwarder`]: consumes what is committed, and produces a copy of it in transactions;
//! - [`auditor`]: reads what is committed.

mod accounts;
mod auditor;
mod banker;
mod forwarder;
mod transaction;

pub(super) use auditor::audit;
pub(super) use banker::transfer;
pub(super) use forwarder::forward;
