//! The hot paths one by one, on one thread, timed by criterion: for comparing a change with what was before.
//! What they cost together, and beside Apache Kafka, `versus` says.

mod log;
mod records;
mod requests;

use criterion::{criterion_group, criterion_main};

criterion_group!(hot_paths, records::measure, requests::measure, log::measure);
criterion_main!(hot_paths);
