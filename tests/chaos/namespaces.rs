//! Namespaces of its own for the whole suite: what it does to networks and mounts happens in there, and
//! vanishes with its processes.

use std::os::unix::process::CommandExt;
use std::process::Command;

use ottla_tests::{Need, Tool};

use crate::fault::Nemesis;

/// Says to the suite that it is inside.
const INSIDE: &str = "OTTLA_CHAOS_INSIDE";
/// What is needed to get there, and in there.
const PROGRAMS: [&str; 5] = ["unshare", "nsenter", "mount", "ip", "iptables"];
/// Inside this folder has nothing of the machine's; `ip` keeps the names of networks here.
pub(crate) const PRIVATE: &str = "/run";

/// Why there cannot be any for this nemesis, if it needs some.
pub(crate) fn missing(nemesis: Nemesis) -> Option<String> {
    if !nemesis.cuts() && !nemesis.fills() {
        return None;
    }
    if !rustix::process::geteuid().is_root() {
        return Some("only root can have networks and file systems of its own".to_owned());
    }
    let mut needs = PROGRAMS.map(Need::Program).into_iter();
    needs.find_map(Need::missing)
}

/// Runs this program anew, inside, if the nemesis needs that and it is not there yet. It keeps its
/// process id, its arguments and its output.
pub(crate) fn enter(nemesis: Nemesis) -> Result<(), String> {
    if !nemesis.cuts() && !nemesis.fills() {
        return Ok(());
    }
    if std::env::var_os(INSIDE).is_some() {
        return furnish();
    }
    let this = std::env::current_exe().map_err(|error| format!("who is running? {error}"))?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--"]).arg(this);
    let error = command
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "1")
        .exec();
    Err(format!("cannot run {command:?}: {error}"))
}

fn furnish() -> Result<(), String> {
    carry_out("mount", &["-t", "tmpfs", "tmpfs", PRIVATE])?;
    carry_out("ip", &["link", "set", "lo", "up"])
}

/// Runs a program that has to succeed.
pub(crate) fn carry_out(program: &str, arguments: &[&str]) -> Result<(), String> {
    let finished = Tool::program(program).args(arguments).run();
    match finished.code {
        Some(0) => Ok(()),
        _ => Err(finished.to_string()),
    }
}
