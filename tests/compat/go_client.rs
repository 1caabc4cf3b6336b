//! franz-go, a client written in Go alone: producer, consumer alone and in groups, admin, and
//! clients of older versions.
//!
//! The cases are Go, in `compat/go/*_cases.go`.

use std::process::ExitCode;

use ottla_tests::{Need, compat, foreign};

fn main() -> ExitCode {
    foreign::run(Need::GoProgram, "go_client", compat::go_program)
}
