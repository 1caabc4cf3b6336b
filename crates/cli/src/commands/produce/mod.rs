//! `ottla produce`. In reading order:
//!
//! - [`run`]: the command;
//! - [`lines`]: input to lines, read by a thread of its own;
//! - [`record`]: a line to a record;
//! - [`deliveries`]: what became of the records;
//! - [`progress`]: a word now and then for whoever waits.

mod deliveries;
mod lines;
mod progress;
mod record;
mod run;

pub(crate) use run::Produce;
