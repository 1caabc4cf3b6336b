//! The engine that containers run in, and the client that talks to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ottla_tests::process::Process;
use ottla_tests::{Tool, wait};

const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Each look is a process of its own.
const PACE: Duration = Duration::from_millis(200);
/// It stops its containers first.
const STOPS_WITHIN: Duration = Duration::from_secs(60);
/// How it keeps images, best first. The second works on any disk.
const STORAGE_DRIVERS: [&str; 2] = ["overlay2", "vfs"];

/// A running engine.
pub(crate) struct Engine {
    docker: PathBuf,
    /// Where it listens, if not where the client looks by itself.
    host: Option<String>,
    _own: Option<Daemon>,
}

impl Engine {
    /// The one that the client knows, or one of our own in this folder.
    pub(crate) fn open(docker: PathBuf, own: Option<&Path>) -> Result<Engine, String> {
        let Some(folder) = own else {
            let engine = Engine {
                docker,
                host: None,
                _own: None,
            };
            return match engine.is_there() {
                true => Ok(engine),
                false => Err("no Docker engine runs here".to_owned()),
            };
        };
        let loopback = Tool::program("ip").args(["link", "set", "lo", "up"]).run();
        if loopback.code != Some(0) {
            return Err(format!("no network can be had: {}", loopback.stderr.trim()));
        }
        let mut why = String::new();
        for driver in STORAGE_DRIVERS {
            match Daemon::start(&docker, folder, driver) {
                Ok(engine) => return Ok(engine),
                Err(reason) => why = reason,
            }
        }
        Err(format!("dockerd does not start here: {why}"))
    }

    /// Fails where it cannot run containers: one with nothing in it must get as far as to miss its program.
    pub(crate) fn check(&self) -> Result<(), String> {
        const EMPTY_ARCHIVE: [u8; 1024] = [0; 1024];
        const NO_SUCH_PROGRAM: i32 = 127;
        let name = "ottla:nothing";
        let import = self.docker(&["import", "-", name]);
        import.stdin(EMPTY_ARCHIVE).run();
        let ran = self.docker(&["run", "--rm", name, "/nothing"]).run();
        self.docker(&["image", "rm", "--force", name]).run();
        let said = ran.stderr.lines().next().unwrap_or_default();
        match ran.code {
            Some(NO_SUCH_PROGRAM) => Ok(()),
            _ => Err(format!("no container runs here: {said}")),
        }
    }

    /// The client, with these arguments.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Tool {
        self.client(&self.docker).args(arguments)
    }

    /// Any client of the engine.
    pub(crate) fn client(&self, program: &Path) -> Tool {
        let tool = Tool::program(program);
        match &self.host {
            Some(host) => tool.env("DOCKER_HOST", host),
            None => tool,
        }
    }

    /// Where the client is.
    pub(crate) fn program(&self) -> &Path {
        &self.docker
    }

    /// What a template says of an image or a container.
    pub(crate) fn inspect(&self, kind: &str, name: &str, template: &str) -> String {
        let inspected = self.docker(&[kind, "inspect", "--format", template, name]);
        inspected.succeed().stdout.trim().to_owned()
    }

    fn is_there(&self) -> bool {
        self.docker(&["info"]).run().code == Some(0)
    }
}

/// `dockerd`, stopped in order at the end.
struct Daemon {
    process: Process,
}

impl Daemon {
    fn start(docker: &Path, folder: &Path, driver: &str) -> Result<Engine, String> {
        let within = |name: &str| folder.join(name);
        let host = format!("unix://{}", within("docker.sock").display());
        let mut command = Command::new("dockerd");
        command
            .args(["--storage-driver", driver, "--host", &host])
            .arg("--data-root")
            .arg(within("data"))
            .arg("--exec-root")
            .arg(within("run"))
            .arg("--pidfile")
            .arg(within("docker.pid"));
        let log = within(&format!("{driver}.log"));
        let process = Process::spawn(&mut command, &log)
            .map_err(|error| format!("it cannot be run: {error}"))?;
        let mut engine = Engine {
            docker: docker.to_path_buf(),
            host: Some(host),
            _own: None,
        };
        let mut daemon = Daemon { process };
        let outcome = wait::poll_at(PACE, STARTS_WITHIN, || match daemon.process.ended() {
            Some(_) => Some(false),
            None => engine.is_there().then_some(true),
        });
        if outcome == Some(true) {
            engine._own = Some(daemon);
            return Ok(engine);
        }
        let log = daemon.process.log();
        Err(log
            .lines()
            .next_back()
            .unwrap_or("no word of it")
            .to_owned())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.process.terminate();
        if self.process.wait(STOPS_WITHIN).is_none() {
            eprintln!("dockerd did not stop within {STOPS_WITHIN:?}");
        }
    }
}
