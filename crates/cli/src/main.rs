//! The `ottla` binary: a broker and the tools to use one.
//!
//! In reading order:
//!
//! - [`arguments`]: what can be said on the command line;
//! - [`commands`]: one file a command;
//! - [`connect`], [`profiles`], [`properties`]: how a command reaches the cluster;
//! - [`confirm`]: asking before something is destroyed;
//! - [`output`], [`table`], [`outcomes`], [`progress`], [`failure`]: data to stdout, words to stderr, exit codes;
//! - [`durations`], [`moments`], [`encoding`]: values as people write them;
//! - [`logging`], [`version`].

mod arguments;
mod commands;
mod confirm;
mod connect;
mod durations;
mod encoding;
mod failure;
mod logging;
mod moments;
mod outcomes;
mod output;
mod profiles;
mod progress;
mod properties;
mod table;
mod version;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = arguments::Arguments::of_process();
    profiles::choose(arguments.profile);
    match commands::run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
