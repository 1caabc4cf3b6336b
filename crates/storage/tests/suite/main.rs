//! Suites over the public face of the log, on a simulated disk.

mod basics;
mod crash;
mod support;
