//! `ottla group`: one file a subcommand.
//!
//! - `list`, `describe`, `lag`: looking;
//! - `positions`: where a group is in its partitions, for the two latter;
//! - `reset_offsets`, `target`: moving a group;
//! - `delete`, `delete_offsets`: forgetting;
//! - `selection`: topics and partitions as flags name them.

mod delete;
mod delete_offsets;
mod describe;
mod lag;
mod list;
mod positions;
mod reset_offsets;
mod run;
mod selection;
mod target;

pub(crate) use run::Group;
