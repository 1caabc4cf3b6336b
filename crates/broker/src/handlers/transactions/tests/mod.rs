//! Transactions as clients see them on the wire; what is decided in them is tested where it is decided.

mod both;
mod fencing;
mod offsets;
mod support;
mod telling;
