//! What groups can be asked, one request a file, and the rebalance that most of it ends in.

mod delete_groups;
mod describe_group;
mod end_transaction;
mod expire;
mod heartbeat;
mod join_group;
mod leave_group;
mod limits;
mod list_groups;
mod offset_commit;
mod offset_delete;
mod offset_fetch;
mod rebalance;
mod rejoin;
mod retention;
mod static_member;
mod sync_group;
mod topics_deleted;
mod turn;

pub use crate::live::Protocol;
pub use delete_groups::{DeleteGroups, DeletedGroup};
pub use describe_group::{DescribeGroup, DescribedGroup, DescribedMember};
pub use end_transaction::EndTransaction;
pub(crate) use expire::{expire_join, expire_session, expire_sync, extend_initial_rebalance};
pub use heartbeat::Heartbeat;
pub use join_group::{JoinGroup, JoinRefused, Joined, JoinedMember};
pub use leave_group::{LeaveGroup, LeavingMember, LeftMember};
pub use limits::PENDING_MEMBERS_MAX;
pub use list_groups::{ListGroups, ListedGroup};
pub use offset_commit::{
    CommitPartition, CommitTopic, CommittedTopic, OffsetCommit, PartitionResult,
};
pub use offset_delete::{OffsetDelete, TopicPartitions, TopicResults};
pub use offset_fetch::{FetchTopic, FetchedPartition, FetchedTopic, OffsetFetch};
pub(crate) use retention::{expire_offsets, set_retention_timer};
pub use sync_group::{MemberAssignment, SyncGroup, Synced};
pub use topics_deleted::{DeletedTopic, TopicsDeleted};
pub(crate) use turn::Turn;
