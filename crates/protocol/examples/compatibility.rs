//! Prints docs/compatibility.md; `cargo xtask docs` runs it.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

fn main() {
    print!("{}", ottla_protocol::compatibility::markdown());
}
