//! Finding a JDK, and compiling our own Java suites with it.

use std::path::{Path, PathBuf};

use super::maven::Installed;
use crate::shell::{self, Outcome};

/// The oldest Java that the reference broker runs on.
const MAJOR_VERSION_MIN: u32 = 17;

/// Where the suites' sources are, relative to the workspace root.
const SOURCES: &str = "tests/compat/java";

/// A usable Java development kit.
pub(crate) struct Jdk {
    pub(crate) java: PathBuf,
    pub(crate) javac: PathBuf,
    pub(crate) major_version: u32,
}

impl Jdk {
    /// The JDK of JAVA_HOME, else the one on the search path.
    pub(crate) fn find() -> Outcome<Jdk> {
        let hint = "Debian: apt-get install default-jdk-headless; macOS: brew install openjdk";
        let java = program("java").ok_or(format!("java is missing. {hint}"))?;
        let javac = program("javac").ok_or(format!("javac is missing. {hint}"))?;
        let answer = shell::output_of(shell::command(&javac).arg("-version"))?;
        let major_version = major_version(&answer)
            .ok_or_else(|| format!("`javac -version` said {answer:?}, which names no version"))?;
        if major_version < MAJOR_VERSION_MIN {
            return Err(format!(
                "Java {MAJOR_VERSION_MIN} or newer is needed, {} is {major_version}. {hint}",
                javac.display()
            ));
        }
        Ok(Jdk {
            java,
            javac,
            major_version,
        })
    }
}

/// Compiles the suites unless that was done from the same sources; returns the sources' checksum.
pub(crate) fn compile_suites(jdk: &Jdk, compat_folder: &Path, clients: &Installed) -> Outcome<u32> {
    let sources = sources()?;
    let checksum = checksum(&sources, &clients.version)?;
    let classes = compat_folder.join("suites");
    let stamp = classes.join("complete");
    if std::fs::read_to_string(&stamp).is_ok_and(|stamped| stamped == checksum.to_string()) {
        println!("suites: already compiled");
        return Ok(checksum);
    }
    println!("suites: compiling {} Java files …", sources.len());
    let io = |error: std::io::Error| format!("cannot write {}: {error}", classes.display());
    if classes.exists() {
        std::fs::remove_dir_all(&classes).map_err(io)?;
    }
    std::fs::create_dir_all(&classes).map_err(io)?;
    shell::output_of(
        shell::command(&jdk.javac)
            .args(["-Xlint:all,-processing", "-Werror", "--release", "17", "-d"])
            .arg(&classes)
            .arg("-cp")
            .arg(compat_folder.join(&clients.folder).join("*"))
            .args(&sources),
    )?;
    std::fs::write(stamp, checksum.to_string()).map_err(io)?;
    Ok(checksum)
}

/// The suites' sources in a fixed order, relative to the workspace root.
fn sources() -> Outcome<Vec<PathBuf>> {
    let folder = shell::root().join(SOURCES);
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?;
    let mut names: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "java"))
        .map(|path| Path::new(SOURCES).join(path.file_name().expect("a listed file has a name")))
        .collect();
    names.sort();
    Ok(names)
}

/// Changes when a source or the client's version does. The suites compute the same over the
/// sources to notice that what was compiled is stale.
fn checksum(sources: &[PathBuf], clients_version: &str) -> Outcome<u32> {
    let mut checksum = crc32c::crc32c(clients_version.as_bytes());
    for source in sources {
        let text = std::fs::read(shell::root().join(source))
            .map_err(|error| format!("cannot read {}: {error}", source.display()))?;
        checksum = crc32c::crc32c_append(checksum, &text);
    }
    Ok(checksum)
}

fn program(name: &str) -> Option<PathBuf> {
    let in_java_home = std::env::var_os("JAVA_HOME")
        .map(|home| Path::new(&home).join("bin").join(name))
        .filter(|path| path.is_file());
    in_java_home.or_else(|| shell::find_program(name))
}

/// The 17 of `javac 17.0.15`.
fn major_version(answer: &str) -> Option<u32> {
    let version = answer.split_whitespace().nth(1)?;
    version.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_javac_says() {
        assert_eq!(major_version("javac 17.0.15\n"), Some(17));
        assert_eq!(major_version("javac 25\n"), Some(25));
        assert_eq!(major_version("nonsense"), None);
    }
}
