//! Tests of the records handlers, each against a node in this process.

mod deletion;
mod fetching;
mod idempotence;
mod leaders;
mod nearest;
mod offsets;
mod producing;
mod sessions;
mod waiting;
