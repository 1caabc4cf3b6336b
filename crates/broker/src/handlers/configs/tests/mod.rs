//! Tests of the handlers of configurations, each against a node in this process.

mod altering;
mod describing;
mod levels;
mod listing;
