//! Tests of the topics handlers, each against a node in this process.

mod creating;
mod deleting;
mod growing;
