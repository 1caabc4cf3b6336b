//! `ottla consume`. In reading order:
//!
//! - [`run`]: the command;
//! - [`start`]: where reading begins;
//! - `format`: a record to text;
//! - [`ends`]: whether everything that was there has been read.

mod ends;
mod format;
mod run;
mod start;

pub(crate) use run::Consume;
