//! `ottla dump`: what lies on disk, read without a broker and without writing anything.
//!
//! - `run`: the command;
//! - `files`: which files a path stands for;
//! - `frames`: batches and raft-only frames as lines and as JSON;
//! - `decode`: records of Kafka's own topics;
//! - `indexes`: index files.

mod decode;
mod files;
mod frames;
mod indexes;
mod run;

pub(crate) use run::Dump;
