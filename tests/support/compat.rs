//! The reading side of what `cargo xtask compat-setup` leaves: jars, compiled suites, Java.
//!
//! The manifest's format is described at its writer, `xtask/src/compat/manifest.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::folders;

/// The format of the manifest that this program reads.
const FORMAT: u32 = 1;
/// Our Java sources, below the workspace.
const SOURCES: &str = "tests/compat/java";
const HINT: &str = "run `cargo xtask compat-setup`";

/// Java and everything that it runs here.
pub struct Toolchain {
    folder: PathBuf,
    manifest: Manifest,
}

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    java: PathBuf,
    server: Jars,
    tools: Jars,
    clients: Jars,
    suites: Suites,
}

#[derive(Deserialize)]
struct Jars {
    version: String,
    lib: PathBuf,
}

#[derive(Deserialize)]
struct Suites {
    classes: PathBuf,
    sources_crc32c: u32,
}

impl Toolchain {
    /// What compat-setup left, or the reason why it cannot be used.
    pub fn find() -> Result<Toolchain, String> {
        let folder = folders::compat();
        let path = folder.join("manifest.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|_| format!("Kafka's jars are not set up; {HINT}"))?;
        let manifest: Manifest = serde_json::from_str(&text)
            .map_err(|error| format!("{}: {error}; {HINT}", path.display()))?;
        if manifest.format != FORMAT {
            return Err(format!("{} has another format; {HINT}", path.display()));
        }
        Ok(Toolchain { folder, manifest })
    }

    /// Like [`Toolchain::find`], with our own Java suites compiled from the sources in the tree.
    pub fn find_with_suites() -> Result<Toolchain, String> {
        let toolchain = Toolchain::find()?;
        let found = sources_checksum(&toolchain.manifest.clients.version)
            .map_err(|error| format!("cannot read {SOURCES}: {error}"))?;
        if found == toolchain.manifest.suites.sources_crc32c {
            return Ok(toolchain);
        }
        Err(format!("the compiled Java suites are out of date; {HINT}"))
    }

    /// The reference broker's version.
    pub fn server_version(&self) -> &str {
        &self.manifest.server.version
    }

    /// The reference broker's jars.
    pub fn server_classpath(&self) -> String {
        self.all_in(&self.manifest.server.lib)
    }

    /// The jars of Kafka's command line tools.
    pub fn tools_classpath(&self) -> String {
        self.all_in(&self.manifest.tools.lib)
    }

    /// Our Java suites and the client's jars.
    pub fn suites_classpath(&self) -> String {
        let classes = self.folder.join(&self.manifest.suites.classes);
        let separator = if cfg!(windows) { ";" } else { ":" };
        let jars = self.all_in(&self.manifest.clients.lib);
        format!("{}{separator}{jars}", classes.display())
    }

    /// A Java program; what Kafka's code logs, warnings and worse, goes to stderr.
    pub fn java(&self, classpath: String, options: &[&str], class: &str) -> Command {
        let level = if class == "kafka.Kafka" {
            "info"
        } else {
            "warn"
        };
        let mut command = Command::new(&self.manifest.java);
        command
            .args(options)
            .arg(format!("-Dorg.slf4j.simpleLogger.defaultLogLevel={level}"))
            .args(["-cp", &classpath, class]);
        command
    }

    fn all_in(&self, lib: &Path) -> String {
        self.folder.join(lib).join("*").display().to_string()
    }
}

fn sources_checksum(clients_version: &str) -> std::io::Result<u32> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folders::workspace().join(SOURCES))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "java"))
        .collect();
    paths.sort();
    let mut checksum = crc32c::crc32c(clients_version.as_bytes());
    for path in paths {
        checksum = crc32c::crc32c_append(checksum, &std::fs::read(path)?);
    }
    Ok(checksum)
}
