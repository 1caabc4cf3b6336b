//! A broker as a process: Ottla or, for comparison, Apache Kafka, driven in the same way.
//!
//! A broker owns a temporary folder with its data and its log and keeps its port over restarts.
//! Dropping it kills the process and removes the folder (`OTTLA_KEEP=1` keeps it).

mod kafka;
mod ottla;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

pub(crate) use kafka::VOTERS;
pub(crate) use ottla::PEER_LISTENER;
pub use ottla::program as ottla_program;

use crate::process::{Held, Process, Usage};
use crate::{ports, probe, wait};

/// Its number in the cluster.
pub(crate) const NODE_ID: &str = "node.id";
/// How long a broker may take until it answers. A JVM on a busy machine needs a while.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long an answer may take that says whether a broker is ready.
const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// How long a clean stop may take.
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// How often another port is tried when the chosen one was taken in the meantime.
const START_ATTEMPTS: u32 = 3;

/// Whose broker it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one under test.
    Ottla,
    /// The reference.
    Kafka,
}

/// What a broker is started with, besides its address and its folder.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Broker settings under Kafka's names, understood by both kinds.
    pub configs: Vec<(String, String)>,
    /// Where to put the temporary folder; the system's default when `None`.
    pub inside: Option<PathBuf>,
    /// Where in the machine it runs.
    pub place: Place,
}

/// Where a broker of Ottla runs, if not simply beside the test.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The address that it listens on, for clients and for brokers; loopback when `None`.
    pub address: Option<IpAddr>,
    /// The command that runs its program, such as one that enters a namespace.
    pub through: Vec<String>,
    /// Variables of its environment.
    pub environment: Vec<(String, String)>,
    /// The folder of its data; within the temporary folder when `None`.
    pub data: Option<PathBuf>,
}

impl Place {
    /// Where it listens.
    pub(crate) fn address(&self) -> IpAddr {
        self.address.unwrap_or(Ipv4Addr::LOCALHOST.into())
    }
}

impl Settings {
    /// One more setting.
    pub fn with(mut self, key: &str, value: &str) -> Settings {
        self.configs.push((key.to_owned(), value.to_owned()));
        self
    }

    /// What a setting was last set to.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        let mut newest_first = self.configs.iter().rev();
        newest_first.find_map(|(name, value)| (name == key).then_some(value.as_str()))
    }
}

/// A broker that answers, until it is killed or terminated.
pub struct Broker {
    kind: Kind,
    settings: Settings,
    port: u16,
    folder: TempDir,
    process: Option<Process>,
    start_took: Duration,
}

impl Broker {
    /// Starts a broker with empty data and waits until it answers a Metadata request.
    pub fn start(kind: Kind, settings: Settings) -> Result<Broker, String> {
        let mut failure = String::new();
        for _ in 0..START_ATTEMPTS {
            let mut broker = Broker::prepare(kind, settings.clone())?;
            match broker.resume() {
                Ok(()) => return Ok(broker),
                Err(reason) => failure = reason,
            }
            if !failure.to_lowercase().contains("address already in use") {
                break;
            }
        }
        Err(failure)
    }

    pub(crate) fn prepare(kind: Kind, settings: Settings) -> Result<Broker, String> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("ottla-test-");
        builder.disable_cleanup(std::env::var_os("OTTLA_KEEP").is_some());
        let folder = match &settings.inside {
            Some(inside) => builder.tempdir_in(inside),
            None => builder.tempdir(),
        }
        .map_err(|error| format!("cannot make a temporary folder: {error}"))?;
        let broker = Broker {
            kind,
            settings,
            port: ports::free_port(),
            folder,
            process: None,
            start_took: Duration::ZERO,
        };
        if kind == Kind::Kafka {
            kafka::format(broker.folder.path(), broker.port, &broker.settings)?;
        }
        Ok(broker)
    }

    /// Starts the process again, on the same data and port, without waiting for anything; when it
    /// was started. The program may have to be built first.
    pub fn spawn(&mut self) -> Result<Instant, String> {
        assert!(self.process.is_none(), "the broker is running");
        let mut command = self.command()?;
        let started = Instant::now();
        let process = Process::spawn(&mut command, &self.log_path())
            .map_err(|error| format!("cannot run {command:?}: {error}"))?;
        self.process = Some(process);
        Ok(started)
    }

    /// Starts the process again, on the same data and port, and waits until it answers.
    pub fn resume(&mut self) -> Result<(), String> {
        let started = self.spawn()?;
        self.wait_until_ready(started)
    }

    /// Waits until the process answers that was spawned.
    ///
    /// # Errors
    /// It does not, or has ended.
    pub fn wait_until_it_answers(&mut self) -> Result<(), String> {
        self.wait_until_ready(Instant::now())
    }

    /// Waits until the process answers that was started then.
    pub(crate) fn wait_until_ready(&mut self, started: Instant) -> Result<(), String> {
        let at = self.address();
        let process = self.process.as_mut().ok_or("the broker is not running")?;
        let outcome = wait::poll(READY_WITHIN, || {
            if let Some(status) = process.ended() {
                return Some(Err(format!("ended with {status}")));
            }
            probe::answers_metadata(at, PROBE_WITHIN).then_some(Ok(()))
        });
        self.start_took = started.elapsed();
        match outcome {
            Some(Ok(())) => Ok(()),
            Some(Err(reason)) => Err(self.not_ready(&reason)),
            None => Err(self.not_ready(&format!("no answer within {READY_WITHIN:?}"))),
        }
    }

    /// Waits until it tells clients of so many brokers.
    pub(crate) fn wait_until_it_knows(&self, brokers: usize) -> Result<(), String> {
        let at = self.address();
        let knows_all = || {
            let known = probe::broker_count(at, PROBE_WITHIN);
            known.is_some_and(|count| count >= brokers).then_some(())
        };
        wait::poll(READY_WITHIN, knows_all).ok_or_else(|| {
            self.not_ready(&format!("not {brokers} brokers known in {READY_WITHIN:?}"))
        })
    }

    fn not_ready(&self, reason: &str) -> String {
        let kind = self.kind;
        format!(
            "{kind:?} did not get ready: {reason}; its log ends:\n{}",
            self.log_tail()
        )
    }

    fn command(&self) -> Result<Command, String> {
        match self.kind {
            Kind::Ottla => ottla::serve(self.folder.path(), self.port, &self.settings),
            Kind::Kafka => kafka::serve(self.folder.path()),
        }
    }

    /// How the process ended, if it was started and ended by itself.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.as_mut().and_then(Process::ended)
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// SIGSTOP: it answers nobody, and its connections stand.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT: it goes on.
    pub fn unpause(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = &self.process {
            process.signal(signal);
        }
    }

    /// SIGTERM, and waits for the clean end; returns how the process ended.
    pub fn terminate(&mut self) -> Result<ExitStatus, String> {
        let mut process = self.process.take().ok_or("the broker is not running")?;
        process.terminate();
        process
            .wait(STOP_WITHIN)
            .ok_or_else(|| format!("still running {STOP_WITHIN:?} after SIGTERM"))
    }

    /// A clean stop and a start on the same data.
    pub fn restart(&mut self) -> Result<(), String> {
        self.terminate()?;
        self.resume()
    }

    /// Changes a setting for its next start.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.settings.configs.retain(|(other, _)| other != key);
        self.settings
            .configs
            .push((key.to_owned(), value.to_owned()));
    }

    /// Whose broker it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (self.settings.place.address(), self.port).into()
    }

    /// What clients take as bootstrap server.
    pub fn bootstrap(&self) -> String {
        self.address().to_string()
    }

    /// From spawning the process to its first answer with a broker in it.
    pub fn start_took(&self) -> Duration {
        self.start_took
    }

    /// The folder that holds a partition's segments; both kinds use Kafka's names.
    pub fn partition_folder(&self, topic: &str, partition: u32) -> PathBuf {
        self.data_folder().join(format!("{topic}-{partition}"))
    }

    /// The folder with all data.
    pub fn data_folder(&self) -> PathBuf {
        data_folder(self.folder.path(), &self.settings)
    }

    /// What the process uses of the machine.
    pub fn usage(&self) -> Result<Usage, String> {
        let process = self.process.as_ref().ok_or("the broker is not running")?;
        process
            .usage()
            .map_err(|error| format!("cannot read /proc/{}: {error}", process.id()))
    }

    /// What the process holds of the system.
    pub fn held(&self) -> Result<Held, String> {
        let process = self.process.as_ref().ok_or("the broker is not running")?;
        process
            .held()
            .map_err(|error| format!("cannot read /proc/{}: {error}", process.id()))
    }

    /// Keeps its folder when it is dropped; where that is.
    pub fn keep(&mut self) -> &Path {
        self.folder.disable_cleanup(true);
        self.folder.path()
    }

    /// All that it has logged, over restarts.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// The last lines of its log.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("broker.log")
    }
}

fn data_folder(folder: &Path, settings: &Settings) -> PathBuf {
    let elsewhere = settings.place.data.clone();
    elsewhere.unwrap_or_else(|| folder.join("data"))
}
