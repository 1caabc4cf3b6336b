//! `ottla produce`. In reading order:
//!
//! - [`run`]: the command;
//! - [`lines`]: input to lines, read by a thread of its own;
//! - [`record`]: a line to a record;
//! - [`deliveries`]: what became of the records.

mod deliveries;
mod lines;
mod record;
mod run;

pub(crate) use run::{Codec, Produce};
