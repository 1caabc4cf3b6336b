//! Runs a command on a runtime of the right size.

use std::future::Future;

use tokio::runtime::Builder;

use crate::arguments::Command;
use crate::failure::Failure;
use crate::logging::{self, LogFormat};

/// Threads for a command that is a client: one for the network, one for itself.
const CLIENT_THREADS: usize = 2;

/// Does what was asked.
pub(crate) fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(serve) => serve.run(),
        Command::Completions(completions) => completions.run(),
        Command::Dump(dump) => dump.run(),
        Command::Profile(profile) => profile.run(),
        Command::Topic(topic) => as_client(topic.run()),
        Command::Group(group) => as_client(group.run()),
        Command::Cluster(cluster) => as_client(cluster.run()),
        Command::Config(config) => as_client(config.run()),
        Command::Health(health) => as_client(health.run()),
        Command::Perf(perf) => as_client(perf.run()),
        Command::Produce(produce) => as_client(produce.run()),
        Command::Consume(consume) => as_client(consume.run()),
    }
}

fn as_client(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    logging::start(LogFormat::Text, "warn");
    let runtime = Builder::new_multi_thread()
        .worker_threads(CLIENT_THREADS)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let result = runtime.block_on(command);
    // A thread that waits for standard input would otherwise hold up the end.
    runtime.shutdown_background();
    result
}
