//! The manifest: what compat-setup put where. The suites read it and nothing else.
//!
//! `manifest.json` in the compat folder; all paths but `java` are relative to that folder. Java, Python
//! and Go each write their own keys once all is there that they name; those of what could not be had are
//! missing, or are those of an earlier run, whose checksum then tells whether they still hold.
//!
//! | key | meaning |
//! |---|---|
//! | format | 1 |
//! | java | the program that runs Java |
//! | server, tools, clients, connect | `{version, lib}`: a release of Kafka and the folder of its jars |
//! | suites | `{classes, sources_crc32c}`: our compiled suites, and a checksum over `clients.version` and the sources in the order of their names |
//! | python | `{program, requirements_crc32c}`: the Python that has the packages, and a checksum over the list of them |
//! | go | `{program, sources_crc32c}`: our compiled program, and a checksum over the sources, go.mod and go.sum in the order of their names |

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::java::Jdk;
use super::maven::Installed;
use crate::shell::Outcome;

const FILE: &str = "manifest.json";

/// What is complete and can be listed.
pub(crate) enum Entry {
    Java {
        jdk: Jdk,
        jars: Vec<Installed>,
        sources_crc32c: u32,
    },
    Python {
        /// Relative to the compat folder.
        program: PathBuf,
        requirements_crc32c: u32,
    },
    Go {
        /// Relative to the compat folder.
        program: PathBuf,
        sources_crc32c: u32,
    },
}

impl Entry {
    fn write_to(self, manifest: &mut Map<String, Value>) {
        let mut put = |key: &str, value: Value| manifest.insert(key.to_owned(), value);
        match self {
            Entry::Java {
                jdk,
                jars,
                sources_crc32c,
            } => {
                put("java", json!(jdk.java));
                for set in jars {
                    put(
                        set.name,
                        json!({ "version": set.version, "lib": set.folder }),
                    );
                }
                put(
                    "suites",
                    json!({ "classes": "suites", "sources_crc32c": sources_crc32c }),
                );
            }
            Entry::Python {
                program,
                requirements_crc32c,
            } => {
                put(
                    "python",
                    json!({ "program": program, "requirements_crc32c": requirements_crc32c }),
                );
            }
            Entry::Go {
                program,
                sources_crc32c,
            } => {
                put(
                    "go",
                    json!({ "program": program, "sources_crc32c": sources_crc32c }),
                );
            }
        }
    }
}

/// Lists one thing more, after all of it is there.
pub(crate) fn add(compat_folder: &Path, entry: Entry) -> Outcome {
    let mut manifest = read(compat_folder).unwrap_or_default();
    manifest.insert("format".to_owned(), json!(1));
    entry.write_to(&mut manifest);
    let path = compat_folder.join(FILE);
    std::fs::write(&path, format!("{:#}\n", Value::Object(manifest)))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// What keeps the manifest in the folder from being used, for `--check`.
pub(crate) fn problems(compat_folder: &Path) -> Vec<String> {
    let Some(manifest) = read(compat_folder) else {
        let path = compat_folder.join(FILE);
        return vec![format!(
            "{} is missing: cargo xtask compat-setup",
            path.display()
        )];
    };
    let listed = [
        ("server", "lib", "Kafka's broker"),
        ("tools", "lib", "Kafka's tools"),
        ("clients", "lib", "Kafka's Java client"),
        ("connect", "lib", "Kafka Connect"),
        ("suites", "classes", "our Java suites"),
        ("python", "program", "Python's packages"),
        ("go", "program", "our Go program"),
    ];
    listed
        .into_iter()
        .filter(|(key, path, _)| {
            let path = manifest.get(*key).and_then(|entry| entry[*path].as_str());
            !path.is_some_and(|path| compat_folder.join(path).exists())
        })
        .map(|(_, _, what)| format!("not set up: {what}; cargo xtask compat-setup"))
        .collect()
}

fn read(compat_folder: &Path) -> Option<Map<String, Value>> {
    let text = std::fs::read_to_string(compat_folder.join(FILE)).ok()?;
    serde_json::from_str(&text).ok()
}
