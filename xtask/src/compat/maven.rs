//! Sets of jars with their dependencies, fetched by Maven from whatever repository it is
//! configured to use.
//!
//! Four sets in four folders, so that versions never mix: the reference broker, Kafka's command
//! line tools, the client libraries that our own Java suites are compiled against, and Connect.

use std::path::{Path, PathBuf};

use crate::shell::{self, Outcome};

/// One folder of jars and what has to be in it.
pub(crate) struct JarSet {
    name: &'static str,
    /// Kafka's releases to try, best first.
    versions: &'static [&'static str],
    /// `group:artifact` of Kafka's own artifacts, all of that version.
    artifacts: &'static [&'static str],
}

/// A set that is in the folder.
pub(crate) struct Installed {
    /// The set's name, by which the manifest lists it.
    pub(crate) name: &'static str,
    /// The folder with the jars, relative to the compat folder.
    pub(crate) folder: PathBuf,
    pub(crate) version: String,
}

/// Sends what Kafka logs to stderr, filtered by a system property, without a file of settings.
const LOGGING: (&str, &str) = ("org.slf4j:slf4j-simple", "1.7.36");

impl JarSet {
    /// The broker that expectations are proved against.
    pub(crate) const SERVER: JarSet = JarSet {
        name: "server",
        versions: &["4.4.0"],
        artifacts: &["org.apache.kafka:kafka_2.13"],
    };
    /// kafka-topics and its kin; some decoders of kafka-dump-log are in the server's artifact.
    /// Since 4.4 kafka-configs is another class, so that older tools would not do.
    pub(crate) const TOOLS: JarSet = JarSet {
        name: "tools",
        versions: &["4.4.0"],
        artifacts: &[
            "org.apache.kafka:kafka-tools",
            "org.apache.kafka:kafka_2.13",
        ],
    };
    /// The Java client, and Kafka Streams.
    pub(crate) const CLIENTS: JarSet = JarSet {
        name: "clients",
        versions: &["4.4.0"],
        artifacts: &[
            "org.apache.kafka:kafka-clients",
            "org.apache.kafka:kafka-streams",
        ],
    };
    /// A worker of Kafka Connect with the connectors of files.
    pub(crate) const CONNECT: JarSet = JarSet {
        name: "connect",
        versions: &["4.4.0", "4.3.1"],
        artifacts: &[
            "org.apache.kafka:connect-runtime",
            "org.apache.kafka:connect-file",
        ],
    };
}

/// Makes sure that the set is there, in the newest of its versions that can be had.
pub(crate) fn install(compat_folder: &Path, set: &JarSet) -> Outcome<Installed> {
    for version in set.versions {
        if is_complete(compat_folder, set, version) {
            println!("{} {version}: already there", set.name);
            return Ok(installed(set, version));
        }
    }
    let mut refusals = Vec::new();
    for version in set.versions {
        println!("{} {version}: downloading with mvn …", set.name);
        match download(compat_folder, set, version) {
            Ok(jar_count) => {
                println!("{} {version}: {jar_count} jars", set.name);
                return Ok(installed(set, version));
            }
            Err(refusal) => {
                println!("{} {version}: not to be had", set.name);
                refusals.push(refusal);
            }
        }
    }
    Err(format!(
        "Kafka's {} jars could not be downloaded:\n{}",
        set.name,
        refusals.join("\n")
    ))
}

fn download(compat_folder: &Path, set: &JarSet, version: &str) -> Outcome<usize> {
    let mvn = shell::find_program("mvn")
        .ok_or("mvn is missing. Debian: apt-get install maven; macOS: brew install maven")?;
    let folder = compat_folder.join(folder_name(set, version));
    let jars = folder.join("lib");
    let io = |error: std::io::Error| format!("cannot write {}: {error}", folder.display());
    std::fs::create_dir_all(&jars).map_err(io)?;
    std::fs::write(folder.join("pom.xml"), pom(set, version)).map_err(io)?;
    shell::output_of(
        shell::command(mvn)
            .current_dir(&folder)
            .args(["--batch-mode", "--quiet", "dependency:copy-dependencies"])
            .arg(format!("-DoutputDirectory={}", jars.display())),
    )?;
    let jar_count = jar_count(&jars);
    if jar_count == 0 {
        return Err(format!("mvn left no jars in {}", jars.display()));
    }
    std::fs::write(stamp(compat_folder, set, version), pom(set, version)).map_err(io)?;
    Ok(jar_count)
}

/// A set is complete when its stamp, written last, says what this program would ask for.
fn is_complete(compat_folder: &Path, set: &JarSet, version: &str) -> bool {
    std::fs::read_to_string(stamp(compat_folder, set, version))
        .is_ok_and(|stamped| stamped == pom(set, version))
}

fn installed(set: &JarSet, version: &str) -> Installed {
    Installed {
        name: set.name,
        folder: Path::new(&folder_name(set, version)).join("lib"),
        version: version.to_owned(),
    }
}

fn folder_name(set: &JarSet, version: &str) -> String {
    format!("{}-{version}", set.name)
}

fn stamp(compat_folder: &Path, set: &JarSet, version: &str) -> PathBuf {
    compat_folder
        .join(folder_name(set, version))
        .join("complete")
}

fn jar_count(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, |entries| {
        entries
            .flatten()
            .filter(|entry| entry.path().extension().is_some_and(|kind| kind == "jar"))
            .count()
    })
}

fn pom(set: &JarSet, version: &str) -> String {
    let mut dependencies = String::new();
    let ours = set.artifacts.iter().map(|artifact| (*artifact, version));
    for (coordinates, version) in ours.chain([LOGGING]) {
        let (group, artifact) = coordinates
            .split_once(':')
            .expect("the tables above write group:artifact");
        dependencies.push_str(&format!(
            "    <dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version></dependency>\n"
        ));
    }
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  <groupId>ottla</groupId>\n  \
         <artifactId>compat-{name}</artifactId>\n  <version>1</version>\n  \
         <packaging>pom</packaging>\n  <dependencies>\n{dependencies}  </dependencies>\n</project>\n",
        name = set.name
    )
}
