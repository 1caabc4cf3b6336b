//! Our Java cases, run one at a time in one JVM that is started once.
//!
//! The other side and the form of its lines are `tests/compat/java/Main.java`.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::compat::Toolchain;

/// The longest that one case may take.
const WITHIN: Duration = Duration::from_secs(120);

/// A JVM that waits for names of cases.
pub struct JavaCases {
    child: Child,
    names: ChildStdin,
    answers: Receiver<String>,
}

impl JavaCases {
    /// Starts the JVM against a broker.
    pub fn start(bootstrap: &str) -> Result<JavaCases, String> {
        let mut child = main_class()?
            .arg(bootstrap)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("cannot run java: {error}"))?;
        let names = child.stdin.take().expect("stdin is piped");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (sender, answers) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break; // nobody waits any more
                }
            }
        });
        Ok(JavaCases {
            child,
            names,
            answers,
        })
    }

    /// Runs one case and fails the test when the case fails.
    pub fn run(&mut self, name: &str) {
        writeln!(self.names, "{name}").expect("the JVM is running");
        match self.answers.recv_timeout(WITHIN) {
            Ok(answer) if answer == format!("PASS {name}") => {}
            Ok(answer) => panic!("{}", answer.replace("\\n", "\n")),
            Err(RecvTimeoutError::Timeout) => panic!("no end after {WITHIN:?}: {name}"),
            Err(RecvTimeoutError::Disconnected) => panic!("the JVM ended during {name}"),
        }
    }
}

impl Drop for JavaCases {
    fn drop(&mut self) {
        self.child.kill().ok(); // it may have ended by itself
        self.child.wait().ok();
    }
}

/// The names of all cases for one broker.
pub fn case_names() -> Result<Vec<String>, String> {
    list("--list")
}

/// The names of all cases for several brokers in racks.
pub fn rack_case_names() -> Result<Vec<String>, String> {
    list("--list-racks")
}

fn list(which: &str) -> Result<Vec<String>, String> {
    let output = main_class()?
        .arg(which)
        .output()
        .map_err(|error| format!("cannot run java: {error}"))?;
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names.lines().map(str::to_owned).collect())
}

fn main_class() -> Result<Command, String> {
    let toolchain = Toolchain::find_with_suites()?;
    let options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
    Ok(toolchain.java(toolchain.suites_classpath(), &options, "Main"))
}
