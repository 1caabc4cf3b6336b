//! Log lines, to standard error.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// What a log line looks like.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    #[default]
    Text,
    /// An object a line, for machines
    Json,
}

/// The variable that says what is logged, in the syntax of tracing's EnvFilter.
const FILTER_VARIABLE: &str = "OTTLA_LOG";

/// Sends log lines of at least `level` to standard error, unless `OTTLA_LOG` says otherwise.
pub(crate) fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    // A subscriber that is there already stays: only tests have one.
    let _ = match format {
        LogFormat::Text => builder
            .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}
