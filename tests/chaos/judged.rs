//! The tests of what `chaos` decides in pure code: its checker on planted histories, its values, its
//! faults. A target of its own, because that suite has a runner of its own.
#![allow(dead_code, unused_imports, reason = "the suite uses the rest")]

mod fault;
mod history;
mod judge;
mod topics;
mod value;
