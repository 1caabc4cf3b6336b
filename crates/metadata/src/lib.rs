//! The cluster's truth as a state machine.

pub mod record;
