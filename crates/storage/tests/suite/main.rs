//! Suites over the public face of the log, on a simulated disk.
#![cfg(test)]

mod basics;
mod compaction;
mod crash;
mod damage;
mod deletion;
mod faults;
mod flush;
mod formats;
mod reads;
mod retention;
mod small_files;
mod support;
mod threads;
mod transactions;
mod unreadable;
