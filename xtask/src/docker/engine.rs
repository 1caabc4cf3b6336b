//! The Docker engine: the one that runs here, or one that root gets for the time of the proof.
//!
//! The latter lives in namespaces of its own, and who talks to it lives there too: it meets no other engine, takes no
//! port of this machine, changes none of its rules for packets, and nothing of it is left.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::shell::{self, Outcome};

/// Since this version the client builds by a plugin, buildx; before that BuildKit is in the client.
const MAJOR_VERSION_OF_BUILDX: u32 = 23;
/// And since this one it has it at all, for all of a Dockerfile that ours needs.
const MAJOR_VERSION_MIN: u32 = 20;

/// An engine, and the client for it.
pub(super) struct Engine {
    docker: PathBuf,
    /// Where an engine of our own keeps everything; removed at the end.
    own: Option<PathBuf>,
}

impl Engine {
    /// The one that runs here.
    pub(super) fn running() -> Outcome<Engine> {
        let docker = client()?;
        shell::output_of(shell::command(&docker).arg("info"))
            .map_err(|_| "no Docker engine runs here")?;
        Ok(Engine { docker, own: None })
    }

    /// The one that runs here, else one of our own that was seen to start; or why there is none.
    pub(super) fn find(prover: &Path) -> Outcome<Engine> {
        let engine = match Engine::running() {
            Ok(engine) => engine,
            Err(_) => Engine::own()?,
        };
        match shell::output_of(engine.prover(prover).arg("probe")) {
            Ok(_) => Ok(engine),
            Err(failure) => Err(reason(&failure).to_owned()),
        }
    }

    fn own() -> Outcome<Engine> {
        let docker = client()?;
        if shell::output_of(shell::command("id").arg("-u"))?.trim() != "0" {
            return Err("no Docker engine runs here, and only root can start one".into());
        }
        for program in ["dockerd", "unshare", "ip"] {
            if shell::find_program(program).is_none() {
                return Err(format!(
                    "no Docker engine runs here, and {program} is missing to start one \
                     (Debian: apt-get install docker.io iproute2 util-linux)"
                ));
            }
        }
        let folder = std::env::temp_dir().join(format!("ottla-docker-{}", std::process::id()));
        std::fs::create_dir(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let own = Some(folder);
        Ok(Engine { docker, own })
    }

    /// The program with the proofs, to be told what to do.
    pub(super) fn prover(&self, program: &Path) -> Command {
        let mut command = match &self.own {
            None => shell::command(program),
            Some(folder) => {
                let mut command = shell::command("unshare");
                command
                    .args(["--net", "--mount", "--"])
                    .arg(program)
                    .arg("--own-engine")
                    .arg(folder);
                command
            }
        };
        command.arg("--docker").arg(&self.docker);
        command
    }

    /// Builds the image from the folder.
    pub(super) fn build(&self, context: &Path) -> Command {
        let mut command = shell::command(&self.docker);
        command
            .args(["build", "--target", "dist", "--tag", "ottla"])
            .args(["--file", "docker/Dockerfile"])
            .arg(context)
            .env("DOCKER_BUILDKIT", "1");
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(folder) = &self.own
            && let Err(error) = std::fs::remove_dir_all(folder)
        {
            eprintln!("cannot remove {}: {error}", folder.display());
        }
    }
}

/// The first client on the search path that can use BuildKit.
fn client() -> Outcome<PathBuf> {
    let clients = shell::find_programs("docker");
    let found = clients.into_iter().find(|docker| has_buildkit(docker));
    found.ok_or_else(|| {
        "there is no docker with BuildKit on the search path (Debian: apt-get install docker.io)"
            .into()
    })
}

fn has_buildkit(docker: &Path) -> bool {
    let answer = |arguments: &[&str]| shell::output_of(shell::command(docker).args(arguments));
    if answer(&["buildx", "version"]).is_ok() {
        return true;
    }
    answer(&["--version"])
        .ok()
        .and_then(|answer| major_version(&answer))
        .is_some_and(|version| (MAJOR_VERSION_MIN..MAJOR_VERSION_OF_BUILDX).contains(&version))
}

/// The 20 of `Docker version 20.10.24+dfsg1, build 297e128`.
fn major_version(answer: &str) -> Option<u32> {
    let version = answer.split_whitespace().nth(2)?;
    version.split('.').next()?.parse().ok()
}

/// The last line, which is what the program itself says was wrong.
fn reason(failure: &str) -> &str {
    let line = failure.trim().lines().next_back().unwrap_or_default();
    line.strip_prefix("error: ").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_docker_says() {
        let answer = "Docker version 20.10.24+dfsg1, build 297e128\n";
        assert_eq!(major_version(answer), Some(20));
        assert_eq!(major_version("podman version 5.0.1"), Some(5));
        assert_eq!(major_version("nonsense"), None);
    }
}
