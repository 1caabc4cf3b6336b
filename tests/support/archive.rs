//! The classes that every tool of Kafka's loads, read and checked once: a JVM that is given them starts with a quarter
//! less work, and the suites start hundreds.
//!
//! The archive lies in the build folder. A JVM that it does not fit (another Java, other jars) says nothing and does
//! without.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::OnceLock;

use crate::compat::Toolchain;
use crate::folders;

/// Loads the admin client and its protocol, and gives up at once.
const CLASS: &str = "org.apache.kafka.tools.TopicCommand";
const NOBODY: &str = "127.0.0.1:1";
const IMPATIENT: &str = "default.api.timeout.ms=100\nrequest.timeout.ms=100\n";

/// The options that give a JVM the archive, which is made first if need be.
pub(crate) fn options(toolchain: &Toolchain, jvm: &[&str]) -> &'static [String] {
    static OPTIONS: OnceLock<Vec<String>> = OnceLock::new();
    OPTIONS.get_or_init(|| {
        let name = format!("kafka-tools-{}.jsa", toolchain.server_version());
        let archive = folders::profile().join(name);
        if !archive.is_file() && make(toolchain, jvm, &archive).is_err() {
            return Vec::new();
        }
        // A JVM would tell on stdout that an archive does not fit.
        let quiet = "-Xlog:disable".to_owned();
        vec![
            quiet,
            format!("-XX:SharedArchiveFile={}", archive.display()),
        ]
    })
}

/// Makes it under another name first: suites may run at the same time.
fn make(toolchain: &Toolchain, jvm: &[&str], archive: &Path) -> io::Result<()> {
    let folder = tempfile::tempdir_in(folders::profile())?;
    let (made, patience) = (folder.path().join("jsa"), folder.path().join("patience"));
    fs::write(&patience, IMPATIENT)?;
    let dump = format!("-XX:ArchiveClassesAtExit={}", made.display());
    let options = [jvm, &["-Xlog:disable", &dump]].concat();
    toolchain
        .java(toolchain.tools_classpath(), &options, CLASS)
        .args(["--bootstrap-server", NOBODY, "--list", "--command-config"])
        .arg(&patience)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    fs::rename(made, archive)
}
