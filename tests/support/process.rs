//! A child process that is killed when its owner goes, with its output in a file and its use of
//! the machine readable.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// The children that are running, for [`kill_all_on_panic`].
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

/// Has a panic kill all children. A program that aborts on panic calls this first, because then no
/// owner is dropped.
pub fn kill_all_on_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if let Ok(running) = RUNNING.lock() {
            running.iter().for_each(|id| send(*id, Signal::KILL));
        }
    }));
}

/// A running (or ended) child.
pub struct Process {
    child: Child,
    log: PathBuf,
}

/// What a process has used so far, or uses now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time of all its threads together.
    pub cpu: Duration,
    /// Memory that is resident, mapped files included.
    pub resident_bytes: u64,
    /// The part of it that no file backs.
    pub anonymous_bytes: u64,
}

/// What a process holds of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Held {
    /// Open files, sockets among them.
    pub files: usize,
    /// Mappings of memory.
    pub maps: usize,
    /// Those of files that are deleted.
    pub maps_of_deleted: usize,
}

impl Process {
    /// Starts the command with stdout and stderr appended to the log file.
    pub fn spawn(command: &mut Command, log: &Path) -> io::Result<Process> {
        let output = append_to(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        RUNNING
            .lock()
            .expect("no panic while locked")
            .push(child.id());
        Ok(Process {
            child,
            log: log.to_path_buf(),
        })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill(&mut self) {
        // Out of the list first: once waited for, the id may be another process's.
        if let Ok(mut running) = RUNNING.lock() {
            running.retain(|id| *id != self.child.id());
        }
        self.child.kill().ok(); // it may have ended by itself
        self.child.wait().ok();
    }

    /// SIGTERM; the process may take its time. See [`Process::wait`].
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Sends any signal.
    pub fn signal(&self, signal: Signal) {
        send(self.child.id(), signal);
    }

    /// Waits until the process ends; `None` when it does not in time.
    pub fn wait(&mut self, within: Duration) -> Option<ExitStatus> {
        wait::poll(within, || self.child.try_wait().ok().flatten())
    }

    /// How the process ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Everything that was written to the log file so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the process uses, from /proc.
    pub fn usage(&self) -> io::Result<Usage> {
        let folder = Path::new("/proc").join(self.child.id().to_string());
        let status = std::fs::read_to_string(folder.join("status"))?;
        let stat = std::fs::read_to_string(folder.join("stat"))?;
        Ok(Usage {
            cpu: cpu_time(&stat).ok_or(io::ErrorKind::InvalidData)?,
            resident_bytes: kibibytes(&status, "VmRSS:").ok_or(io::ErrorKind::InvalidData)?,
            anonymous_bytes: kibibytes(&status, "RssAnon:").ok_or(io::ErrorKind::InvalidData)?,
        })
    }

    /// What the process holds, from /proc.
    pub fn held(&self) -> io::Result<Held> {
        let folder = Path::new("/proc").join(self.child.id().to_string());
        let maps = std::fs::read_to_string(folder.join("maps"))?;
        let of_deleted = maps.lines().filter(|line| line.ends_with(" (deleted)"));
        Ok(Held {
            files: std::fs::read_dir(folder.join("fd"))?.count(),
            maps: maps.lines().count(),
            maps_of_deleted: of_deleted.count(),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn send(id: u32, signal: Signal) {
    let id = i32::try_from(id).expect("process ids are small");
    if let Some(pid) = Pid::from_raw(id) {
        kill_process(pid, signal).ok(); // it may have ended by itself
    }
}

fn append_to(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(log)
}

/// Fields 14 and 15 of /proc/…/stat. The name, field 2, may hold spaces, so counting begins behind
/// its closing parenthesis.
fn cpu_time(stat: &str) -> Option<Duration> {
    let after_name = &stat[stat.rfind(')')? + 1..];
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let ticks_per_second = rustix::param::clock_ticks_per_second();
    let milliseconds = (user + system).checked_mul(1_000)? / ticks_per_second;
    Some(Duration::from_millis(milliseconds))
}

fn kibibytes(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(key))?;
    let number: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_behind_a_name_with_spaces() {
        let ticks = rustix::param::clock_ticks_per_second();
        let stat = format!("1 (a b) c) S 0 0 0 0 0 0 0 0 0 0 {ticks} {ticks} 0 0");
        assert_eq!(cpu_time(&stat), Some(Duration::from_secs(2)));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tx\nVmRSS:\t    12 kB\nRssAnon:\t 3 kB\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(12 * 1024));
        assert_eq!(kibibytes(status, "RssAnon:"), Some(3 * 1024));
    }
}
