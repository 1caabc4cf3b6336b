//! Running somebody's tool to its end, with a deadline, and looking at what it said.

use std::ffi::OsStr;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::archive;
use crate::compat::Toolchain;
use crate::process::Process;
use crate::wait;

/// Longer than any tool needs on a slow and busy machine.
const WITHIN: Duration = Duration::from_secs(120);
/// A tool lives shorter than its JVM takes to optimise it, and its memory should stay small.
const JVM: &[&str] = &["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

/// A tool about to run.
pub struct Tool {
    command: Command,
    stdin: Vec<u8>,
    within: Duration,
}

/// A tool that has ended by itself.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// All that it wrote to stdout.
    pub stdout: String,
    /// All that it wrote to stderr.
    pub stderr: String,
    shown: String,
}

impl Tool {
    /// Any program on the search path.
    pub fn program(name: impl AsRef<OsStr>) -> Tool {
        Tool::from(Command::new(name))
    }

    /// One of Kafka's own tools, by its class.
    pub fn kafka(class: &str) -> Tool {
        let toolchain = Toolchain::find().expect("the suite states that it needs Kafka's jars");
        let archive = archive::options(&toolchain, JVM);
        let archive = archive.iter().map(String::as_str);
        let options: Vec<&str> = JVM.iter().copied().chain(archive).collect();
        Tool::from(toolchain.java(toolchain.tools_classpath(), &options, class))
    }

    /// One of our own Java programs.
    pub fn java(class: &str) -> Tool {
        let toolchain = Toolchain::find_with_suites()
            .expect("the suite states that it needs our Java programs");
        Tool::from(toolchain.java(toolchain.suites_classpath(), &["-Xmx512m"], class))
    }

    /// One more argument.
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Tool {
        self.command.arg(argument);
        self
    }

    /// More arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Tool {
        self.command.args(arguments);
        self
    }

    /// A variable of its environment.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Tool {
        self.command.env(name, value);
        self
    }

    /// What it reads from stdin; nothing by default.
    pub fn stdin(mut self, input: impl Into<Vec<u8>>) -> Tool {
        self.stdin = input.into();
        self
    }

    /// Another deadline than the usual one.
    pub fn within(mut self, within: Duration) -> Tool {
        self.within = within;
        self
    }

    /// Starts it and lets it run; all that it writes goes to `log`. Nothing is on its stdin.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(mut self, log: &Path) -> io::Result<Process> {
        Process::spawn(self.command.stdin(Stdio::null()), log)
    }

    /// Runs it to its end. A tool that has not ended in time is killed and fails the test.
    pub fn run(mut self) -> Finished {
        let shown = format!("{:?}", self.command);
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {shown}: {error}"));
        let mut stdin = child.stdin.take().expect("stdin is piped");
        let input = std::mem::take(&mut self.stdin);
        let feeder = std::thread::spawn(move || stdin.write_all(&input).ok());
        let stdout = collect(child.stdout.take().expect("stdout is piped"));
        let stderr = collect(child.stderr.take().expect("stderr is piped"));
        let status = wait::poll(self.within, || child.try_wait().ok().flatten());
        if status.is_none() {
            child.kill().ok(); // it may end at this very moment
            child.wait().ok();
        }
        feeder.join().expect("feeding a tool does not panic");
        let finished = Finished {
            code: status.and_then(|status| status.code()),
            stdout: stdout.join().expect("reading from a tool does not panic"),
            stderr: stderr.join().expect("reading from a tool does not panic"),
            shown,
        };
        assert!(
            status.is_some(),
            "not ended after {:?}: {finished}",
            self.within
        );
        finished
    }

    /// Runs it and expects exit code 0.
    pub fn succeed(self) -> Finished {
        let finished = self.run();
        assert_eq!(finished.code, Some(0), "{finished}");
        finished
    }

    /// Runs it and expects exit code 1.
    pub fn refuse(self) -> Finished {
        let finished = self.run();
        assert_eq!(finished.code, Some(1), "{finished}");
        finished
    }
}

impl From<Command> for Tool {
    fn from(command: Command) -> Tool {
        Tool {
            command,
            stdin: Vec::new(),
            within: WITHIN,
        }
    }
}

impl Finished {
    /// The lines of stdout without surrounding blanks, empty ones left out.
    pub fn lines(&self) -> Vec<&str> {
        self.stdout
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect()
    }

    /// Fails unless stdout has this text.
    pub fn says(&self, text: &str) -> &Finished {
        assert!(self.stdout.contains(text), "stdout lacks {text:?}: {self}");
        self
    }

    /// Fails unless stderr names this exception of Kafka's, with this detail somewhere in its message.
    /// The sentence around the detail is each broker's own.
    pub fn blames(&self, exception: &str, detail: &str) -> &Finished {
        let message = self
            .stderr
            .split_once(&format!("errors.{exception}: "))
            .map(|(_, message)| message);
        assert!(
            message.is_some_and(|message| message.contains(detail)),
            "stderr lacks {exception} about {detail:?}: {self}"
        );
        self
    }

    /// Fails unless stdout is exactly these lines (see [`Finished::lines`]), in this order.
    pub fn prints(&self, lines: &[&str]) -> &Finished {
        assert_eq!(self.lines(), lines, "{self}");
        self
    }
}

impl std::fmt::Display for Finished {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Finished {
            code,
            stdout,
            stderr,
            shown,
        } = self;
        write!(
            formatter,
            "{shown}\nexit code {code:?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}\n---"
        )
    }
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).ok(); // what came until then is what counts
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
