//! The reading side of what `cargo xtask compat-setup` leaves: jars, compiled suites, Java, and
//! our programs in other languages.
//!
//! The manifest's format is described at its writer, `xtask/src/compat/manifest.rs`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::folders;

/// The format of the manifest that this program reads.
const FORMAT: u64 = 1;
/// Our Java sources, below the workspace.
const JAVA_SOURCES: &str = "tests/compat/java";
/// The folder of our Python program, below the workspace.
const PYTHON_SOURCES: &str = "tests/compat/python";
/// Our Go sources, below the workspace.
const GO_SOURCES: &str = "tests/compat/go";
const HINT: &str = "run `cargo xtask compat-setup`";

/// Java and everything that it runs here.
pub struct Toolchain {
    folder: PathBuf,
    manifest: JavaEntries,
}

#[derive(Deserialize)]
struct JavaEntries {
    java: PathBuf,
    server: Jars,
    tools: Jars,
    clients: Jars,
    connect: Jars,
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

#[derive(Deserialize)]
struct PythonEntry {
    program: PathBuf,
    requirements_crc32c: u32,
}

#[derive(Deserialize)]
struct GoEntry {
    program: PathBuf,
    sources_crc32c: u32,
}

impl Toolchain {
    /// What compat-setup left, or the reason why it cannot be used.
    pub fn find() -> Result<Toolchain, String> {
        let manifest = serde_json::from_value(manifest()?)
            .map_err(|error| format!("Kafka's jars are not set up: {error}; {HINT}"))?;
        let folder = folders::compat();
        Ok(Toolchain { folder, manifest })
    }

    /// Like [`Toolchain::find`], with our own Java suites compiled from the sources in the tree.
    pub fn find_with_suites() -> Result<Toolchain, String> {
        let toolchain = Toolchain::find()?;
        let version = toolchain.manifest.clients.version.as_bytes();
        let found = sources_checksum(JAVA_SOURCES, &["java"], version)?;
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

    /// The jars of a worker of Kafka Connect.
    pub fn connect_classpath(&self) -> String {
        self.all_in(&self.manifest.connect.lib)
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

/// Our Python program, to be given its arguments.
pub fn python_program() -> Result<Command, String> {
    let python: PythonEntry = serde_json::from_value(manifest()?["python"].take())
        .map_err(|_| format!("Python's packages are not set up; {HINT}"))?;
    if sources_checksum(PYTHON_SOURCES, &["txt"], &[])? != python.requirements_crc32c {
        return Err(format!("Python's packages are out of date; {HINT}"));
    }
    let mut command = Command::new(folders::compat().join(python.program));
    command
        .current_dir(folders::workspace().join(PYTHON_SOURCES))
        .env("PYTHONDONTWRITEBYTECODE", "1") // the tree stays as it is
        .args(["-m", "ottla_compat"]);
    Ok(command)
}

/// Our Go program, compiled from the sources in the tree, to be given its arguments.
pub fn go_program() -> Result<Command, String> {
    let go: GoEntry = serde_json::from_value(manifest()?["go"].take())
        .map_err(|_| format!("our Go program is not set up; {HINT}"))?;
    if sources_checksum(GO_SOURCES, &["go", "mod", "sum"], &[])? != go.sources_crc32c {
        return Err(format!("the compiled Go program is out of date; {HINT}"));
    }
    Ok(Command::new(folders::compat().join(go.program)))
}

fn manifest() -> Result<Value, String> {
    let path = folders::compat().join("manifest.json");
    let text = std::fs::read_to_string(&path).map_err(|_| format!("nothing is set up; {HINT}"))?;
    let manifest: Value = serde_json::from_str(&text)
        .map_err(|error| format!("{}: {error}; {HINT}", path.display()))?;
    if manifest["format"].as_u64() != Some(FORMAT) {
        return Err(format!("{} has another format; {HINT}", path.display()));
    }
    Ok(manifest)
}

/// A checksum over the files of these kinds in a folder, in the order of their names, after `first`.
fn sources_checksum(folder: &str, kinds: &[&str], first: &[u8]) -> Result<u32, String> {
    let refusal = |error: std::io::Error| format!("cannot read {folder}: {error}");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folders::workspace().join(folder))
        .map_err(refusal)?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let kind = path.extension().and_then(|kind| kind.to_str());
            kind.is_some_and(|kind| kinds.contains(&kind))
        })
        .collect();
    paths.sort();
    let mut checksum = crc32c::crc32c(first);
    for path in paths {
        checksum = crc32c::crc32c_append(checksum, &std::fs::read(path).map_err(refusal)?);
    }
    Ok(checksum)
}
