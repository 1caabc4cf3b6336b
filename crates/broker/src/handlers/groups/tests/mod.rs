//! Groups as a client sees them on the wire; what is decided in them is tested where it is decided.

mod finding;
mod lag;
mod membership;
mod offsets;
