//! The command: sources of settings in, a node that runs until it is told to stop.
//!
//! This file reads the file, the environment and the host's name; what they mean is decided in the broker.

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use ottla_broker::config::{Built, Config, Flags, PropertiesFile, Sources};
use ottla_broker::loggers::Loggers;
use ottla_broker::node::{Node, NodeOptions};
use ottla_platform::process;
use tokio::runtime::Builder;

use super::signals::StopSignals;
use crate::failure::Failure;
use crate::logging::{self, LogFormat};
use crate::output::Output;
use crate::version::version;

/// Run a broker
///
/// Without options: a single node on 127.0.0.1:9092 with its data in ./ottla-data and metrics on 127.0.0.1:9680.
/// Settings have Kafka's names. Flags win over the environment (OTTLA_LOG_RETENTION_MS is log.retention.ms), the
/// environment over the file, the file over the default. SIGTERM and SIGINT stop the broker in order; a second one
/// stops it at once.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla serve
  ottla serve --listen 0.0.0.0:9092 --advertise broker1.example.org:9092 --data /var/lib/ottla
  ottla serve --node-id 1 --peer-listen 10.0.0.1:9093 --join 10.0.0.1:9093,10.0.0.2:9093,10.0.0.3:9093
  ottla serve --config server.properties --set log.retention.hours=24
  ottla serve --config server.properties --print-config")]
pub(crate) struct Serve {
    /// Serve clients here; may be repeated, with a name for each [default: 127.0.0.1:9092]
    #[arg(long, value_name = "[NAME://]HOST:PORT")]
    listen: Vec<String>,

    /// Tell clients to connect here instead; may be repeated, with the listener's name [default: as --listen]
    #[arg(long, value_name = "[NAME://]HOST:PORT")]
    advertise: Vec<String>,

    /// Keep data in this directory [default: ./ottla-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,

    /// Serve metrics and health here; none for nowhere [default: 127.0.0.1:9680]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,

    /// This broker's number, unique in its cluster [default: 1]
    #[arg(long, value_name = "NUMBER")]
    node_id: Option<String>,

    /// Found or join a cluster: where brokers listen for brokers, itself perhaps among them
    #[arg(long, value_name = "HOST:PORT,…")]
    join: Option<String>,

    /// Listen here for the other brokers of the cluster, never for clients [default: 127.0.0.1:9093]
    #[arg(long, value_name = "HOST:PORT")]
    peer_listen: Option<String>,

    /// Tell other brokers to connect here instead [default: as --peer-listen]
    #[arg(long, value_name = "HOST:PORT")]
    peer_advertise: Option<String>,

    /// Read settings from a file in Kafka's properties syntax, such as an existing server.properties
    #[arg(long, value_name = "FILE", env = "OTTLA_CONFIG")]
    config: Option<PathBuf>,

    /// A setting by its name; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,

    /// Print every setting with its value and where that comes from, and exit
    #[arg(long)]
    print_config: bool,

    /// What log lines look like; OTTLA_LOG says which there are (info, debug, ottla_storage=trace, …)
    #[arg(
        long,
        value_name = "FORMAT",
        env = "OTTLA_LOG_FORMAT",
        default_value = "text"
    )]
    log_format: LogFormat,
}

impl Serve {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (print_config, log_format) = (self.print_config, self.log_format);
        let built =
            Config::build(self.sources()?).map_err(|error| Failure::Usage(error.to_string()))?;
        if print_config {
            let mut output = Output::new();
            output.bytes(built.config.print().as_bytes())?;
            return Ok(output.finish()?);
        }
        let loggers = logging::start(log_format, "info");
        let runtime = Builder::new_multi_thread()
            .worker_threads(worker_threads())
            .enable_all()
            .build()
            .map_err(Failure::failed)?;
        runtime.block_on(serve(built, loggers))
    }

    fn sources(self) -> Result<Sources, Failure> {
        let file = match &self.config {
            None => None,
            Some(path) => {
                let name = path.display().to_string();
                let bytes = std::fs::read(path)
                    .map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
                Some(PropertiesFile { name, bytes })
            }
        };
        Ok(Sources {
            flags: Flags {
                listen: self.listen,
                advertise: self.advertise,
                data: self.data,
                http: self.http,
                node_id: self.node_id,
                peer_listen: self.peer_listen,
                peer_advertise: self.peer_advertise,
                join: self.join,
                set: self.set,
            },
            // A variable that is not text cannot be a setting.
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            file,
            host_name: process::host_name(),
        })
    }
}

/// A core is left to the threads that write and sync logs: with a worker on it too, requests are passed
/// between cores more often than they are worked on (measured on two cores: a third more CPU time per byte).
fn worker_threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).max(1)
}

async fn serve(built: Built, loggers: Loggers) -> Result<(), Failure> {
    // Signals that come while the node starts count as well.
    let mut signals = StopSignals::listen().map_err(Failure::failed)?;
    tracing::info!(version = version(), "ottla starts");
    built.notes.iter().for_each(|note| tracing::info!("{note}"));
    built
        .warnings
        .iter()
        .for_each(|warning| tracing::warn!("{warning}"));
    let options = NodeOptions::system(Arc::new(built.config), loggers);
    let node = tokio::select! {
        node = Node::start(options) => node.map_err(Failure::failed)?,
        signal = signals.next() => {
            tracing::info!(signal, "stopped before it had started");
            return Ok(());
        }
    };
    tell_where(&node);
    let mut why = Ok(());
    tokio::select! {
        signal = signals.next() => tracing::info!(signal, "stopping; another signal stops at once"),
        reason = node.failed() => why = Err(Failure::Failed(reason)),
    }
    stop(node.shutdown(), signals.next()).await.and(why)
}

fn tell_where(node: &Node) {
    for (name, address) in node.listeners() {
        tracing::info!("serving Kafka clients on {name}://{address}");
    }
    if let Some(address) = node.http_address() {
        tracing::info!("metrics on http://{address}/metrics");
    }
}

/// Waits until the node has stopped, or until it is told to stop at once.
async fn stop<E: fmt::Display>(
    stopping: impl Future<Output = Result<(), E>>,
    at_once: impl Future<Output = &'static str>,
) -> Result<(), Failure> {
    tokio::select! {
        stopped = stopping => {
            stopped.map_err(Failure::failed)?;
            tracing::info!("stopped");
            Ok(())
        }
        signal = at_once => Err(Failure::Failed(format!("stopped at once by a second signal ({signal})"))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        serve: Serve,
    }

    fn parse(line: &str) -> Serve {
        Line::try_parse_from(format!("serve {line}").split_whitespace())
            .unwrap()
            .serve
    }

    #[test]
    fn flags_reach_the_configuration_as_they_are() {
        let serve =
            parse("--listen A://h:1 --listen B://h:2 --data d --http none --set a=b --set c=d");
        let flags = serve.sources().unwrap().flags;
        assert_eq!(flags.listen, ["A://h:1", "B://h:2"]);
        assert_eq!(
            (flags.data.as_deref(), flags.http.as_deref()),
            (Some("d"), Some("none"))
        );
        assert_eq!(flags.set, ["a=b", "c=d"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_wrong_usage() {
        let error = parse("--config /no/such/file").sources().unwrap_err();
        assert!(matches!(error, Failure::Usage(_)));
    }

    #[tokio::test]
    async fn a_node_that_stops_ends_well_and_a_second_signal_does_not_wait_for_it() {
        type Stopped = Result<(), String>;
        let stopped = || std::future::ready::<Stopped>(Ok(()));
        assert!(stop(stopped(), std::future::pending()).await.is_ok());
        let failing = std::future::ready::<Stopped>(Err("no".to_owned()));
        assert!(stop(failing, std::future::pending()).await.is_err());
        let endless = std::future::pending::<Stopped>();
        let at_once = std::future::ready("SIGINT");
        assert!(stop(endless, at_once).await.is_err());
    }
}
