//! `ottla serve`. In reading order:
//!
//! - [`run`]: the command: sources of settings, runtime, start and stop;
//! - [`signals`]: when to stop.

mod run;
mod signals;

pub(crate) use run::Serve;
