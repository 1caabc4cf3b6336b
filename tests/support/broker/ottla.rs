//! The command line of the broker under test, and its freshness.
//!
//! `cargo test` does not build another package's program for us, so this does: the program of the
//! running profile is used as it is when it is newer than all sources, else `cargo build` makes it
//! so. `OTTLA_BIN` names another program instead.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use super::{Settings, data_folder};
use crate::folders;

/// Where brokers meet; alone, any port will do.
pub(crate) const PEER_LISTENER: &str = "ottla.peer.listener";

/// `ottla serve` on this folder and port.
pub(super) fn serve(folder: &Path, port: u16, settings: &Settings) -> Result<Command, String> {
    let place = &settings.place;
    let mut command = match place.through.split_first() {
        None => Command::new(program()?),
        Some((enter, arguments)) => {
            let mut command = Command::new(enter);
            command.args(arguments).arg(program()?);
            command
        }
    };
    let listener = SocketAddr::from((place.address(), port));
    command
        .current_dir(folder)
        .envs(place.environment.iter().cloned())
        .arg("serve")
        .args(["--listen", &format!("PLAINTEXT://{listener}")])
        .args(["--http", "127.0.0.1:0"])
        .arg("--data")
        .arg(data_folder(folder, settings));
    if !settings.configs.iter().any(|(key, _)| key == PEER_LISTENER) {
        command.args(["--peer-listen", "127.0.0.1:0"]);
    }
    for (key, value) in &settings.configs {
        command.args(["--set", &format!("{key}={value}")]);
    }
    Ok(command)
}

/// The `ottla` program, built first where it is older than its sources.
pub fn program() -> Result<PathBuf, String> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(find_or_build).clone()
}

fn find_or_build() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os("OTTLA_BIN") {
        return Ok(PathBuf::from(program));
    }
    let profile = folders::profile();
    let program = profile.join(format!("ottla{}", std::env::consts::EXE_SUFFIX));
    if !is_fresh(&program) {
        build(&profile)?;
    }
    Ok(program)
}

fn is_fresh(program: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|meta| meta.modified()).ok();
    let newest = newest_source(&folders::workspace().join("crates"), 0);
    modified(program).is_some_and(|built| built >= newest)
}

/// The time of the youngest source file; test code next to `src` is not part of the program.
fn newest_source(folder: &Path, depth: u32) -> SystemTime {
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let candidate = if path.is_dir() {
            if depth == 1 && name != "src" {
                continue;
            }
            newest_source(&path, depth + 1)
        } else {
            let modified = entry.metadata().and_then(|meta| meta.modified());
            modified.unwrap_or(SystemTime::UNIX_EPOCH)
        };
        newest = newest.max(candidate);
    }
    newest
}

fn build(profile: &Path) -> Result<(), String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(folders::workspace())
        .args(["build", "--quiet", "--package", "ottla-cli"]);
    if profile.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("cargo build of ottla-cli ended with {status}")),
        Err(error) => Err(format!("cannot run cargo build: {error}")),
    }
}
