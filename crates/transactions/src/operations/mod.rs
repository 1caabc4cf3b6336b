//! What can be done with a transactional id, one file each.

mod describe;
mod end;
mod init_producer_id;
mod markers;
mod partitions;
mod producer;
mod timeouts;
mod write;

pub use describe::{Described, ListTransactions, Listed};
pub use end::EndTransaction;
pub use init_producer_id::InitProducerId;
pub use markers::{Completed, Decided};
pub use partitions::{AddPartitions, Verified, VerifyPartitions};
pub use producer::{Producer, Refused};

pub(crate) use markers::offer;
pub(crate) use timeouts::{abort_timed_out, expire, set_timers};
