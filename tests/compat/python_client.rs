//! confluent-kafka, the Python client on librdkafka: producer, consumer alone and in groups, admin.
//!
//! The cases are Python, in `compat/python/ottla_compat/*_cases.py`.

use std::process::ExitCode;

use ottla_tests::{Need, compat, foreign};

fn main() -> ExitCode {
    foreign::run(Need::PythonProgram, "python_client", compat::python_program)
}
