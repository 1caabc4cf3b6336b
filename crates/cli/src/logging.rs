//! Log lines, to standard error.

use std::io;

use clap::ValueEnum;
use ottla_broker::loggers::{Loggers, OPENRAFT_LEVELS};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::reload::Handle;

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

/// Sends log lines of at least `level` to standard error, unless `OTTLA_LOG` says otherwise. What is
/// sent can be changed afterwards, through what this gives.
///
/// A line that cannot be written, as on a full disk, is lost: to say so on standard error as well would
/// panic.
pub(crate) fn start(format: LogFormat, level: &str) -> Loggers {
    let filter = std::env::var(FILTER_VARIABLE)
        .ok()
        .filter(|filter| EnvFilter::try_new(filter).is_ok())
        .unwrap_or_else(|| format!("{level},{OPENRAFT_LEVELS}"));
    // A subscriber that is there already stays: only tests have one.
    match format {
        LogFormat::Text => {
            let builder = tracing_subscriber::fmt()
                .with_writer(io::stderr)
                .log_internal_errors(false)
                .with_ansi(io::IsTerminal::is_terminal(&io::stderr()))
                .with_env_filter(EnvFilter::new(&filter))
                .with_filter_reloading();
            let door = door(builder.reload_handle());
            let _ = builder.try_init();
            Loggers::new(&filter, door)
        }
        LogFormat::Json => {
            let builder = tracing_subscriber::fmt()
                .json()
                .with_writer(io::stderr)
                .log_internal_errors(false)
                .with_env_filter(EnvFilter::new(&filter))
                .with_filter_reloading();
            let door = door(builder.reload_handle());
            let _ = builder.try_init();
            Loggers::new(&filter, door)
        }
    }
}

/// Puts another filter in place.
fn door<S>(handle: Handle<EnvFilter, S>) -> impl Fn(&str) -> Result<(), String> {
    move |filter| {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ottla_broker::loggers::{Level, LevelChange, ROOT};
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Registry, reload};

    use super::*;

    #[test]
    fn a_level_that_is_changed_counts_at_once() {
        let filter = "info,openraft=error";
        let (layer, handle) = reload::Layer::<_, Registry>::new(EnvFilter::new(filter));
        let loggers = Loggers::new(filter, door(handle));
        let change = |name: &str, change| {
            let changed = loggers.change(&BTreeMap::from([(name.to_owned(), change)]));
            changed.expect("the filter is one");
        };
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let here = || tracing::enabled!(target: "ottla_broker::net", tracing::Level::DEBUG);
            assert!(!here());
            change("ottla_broker", LevelChange::Set(Level::Debug));
            assert!(here());
            change("ottla_broker", LevelChange::Unset);
            assert!(!here());
            change(ROOT, LevelChange::Set(Level::Trace));
            assert!(here());
            assert!(!tracing::enabled!(target: "openraft", tracing::Level::WARN));
        });
    }
}
