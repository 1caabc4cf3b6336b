//! One file per API: authorize, call, shape the response. They own no state.
//!
//! - [`records`]: producing, fetching and what is about offsets;
//! - [`topics`]: creating, changing and deleting topics;
//! - [`groups`]: consumer groups and what they commit;
//! - [`transactions`]: transactions, their coordinator's side and that of the partitions that they write to;
//! - [`cluster`]: what there is: versions, brokers, topics, log directories;
//! - [`configs`]: settings of topics, brokers and groups.

pub mod cluster;
pub mod configs;
pub mod groups;
pub mod records;
pub mod topics;
pub mod transactions;
