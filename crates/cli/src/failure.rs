//! How a command ends badly, and with which exit status.

use std::fmt;
use std::io;
use std::process::ExitCode;

use ottla_client::ClientError;

/// Why a command did not do what it was asked to.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was asked does not make sense. Exit status 2.
    Usage(String),
    /// It was refused, or did not work. Exit status 1.
    Failed(String),
    /// It was refused or did not work in parts, each of which has been told already. Exit status 1.
    FailedInParts,
    /// Whoever read the output has gone: there is nothing to tell, and nobody. Exit status 0.
    OutputClosed,
}

impl Failure {
    /// A failure with its circumstances.
    pub(crate) fn failed(what: impl fmt::Display) -> Self {
        Failure::Failed(what.to_string())
    }

    /// Says on standard error what happened.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Failure::OutputClosed => ExitCode::SUCCESS,
            Failure::FailedInParts => ExitCode::from(1),
            Failure::Failed(text) => {
                eprintln!("ottla: {text}");
                ExitCode::from(1)
            }
            Failure::Usage(text) => {
                eprintln!("ottla: {text}");
                ExitCode::from(2)
            }
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Failure::failed(error)
    }
}

/// Only for errors of standard output: whatever else does IO says where.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::OutputClosed
        } else {
            Failure::Failed(format!("cannot write the output: {error}"))
        }
    }
}
