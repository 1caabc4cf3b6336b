//! Prints docs/compatibility.md, or with `summary` the line of it in README.md; `cargo xtask docs` runs it.
#![allow(clippy::print_stdout, reason = "its output is what it is for")]

fn main() {
    match std::env::args().nth(1).as_deref() {
        Some("summary") => println!("{}", ottla_protocol::compatibility::summary()),
        _ => print!("{}", ottla_protocol::compatibility::markdown()),
    }
}
