//! The manifest: what compat-setup put where. The suites read it and nothing else.
//!
//! `manifest.json` in the compat folder; all paths but `java` are relative to that folder.
//!
//! | key | meaning |
//! |---|---|
//! | format | 1 |
//! | java | the program that runs Java |
//! | server, tools, clients | `{version, lib}`: a release of Kafka and the folder of its jars |
//! | suites | `{classes, sources_crc32c}`: our compiled suites, and a checksum over `clients.version` and the sources in the order of their names |

use std::path::Path;

use serde_json::{Value, json};

use super::java::Jdk;
use super::maven::Installed;
use crate::shell::Outcome;

const FILE: &str = "manifest.json";

/// Everything that the manifest tells.
pub(crate) struct Contents {
    pub(crate) jdk: Jdk,
    pub(crate) server: Installed,
    pub(crate) tools: Installed,
    pub(crate) clients: Installed,
    pub(crate) sources_crc32c: u32,
}

/// Writes the manifest, last of all: what it lists is complete.
pub(crate) fn write(compat_folder: &Path, contents: &Contents) -> Outcome {
    let manifest = json!({
        "format": 1,
        "java": contents.jdk.java,
        "server": jars(&contents.server),
        "tools": jars(&contents.tools),
        "clients": jars(&contents.clients),
        "suites": { "classes": "suites", "sources_crc32c": contents.sources_crc32c },
    });
    let path = compat_folder.join(FILE);
    std::fs::write(&path, format!("{manifest:#}\n"))
        .map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// What keeps the manifest in the folder from being used, for `--check`.
pub(crate) fn problems(compat_folder: &Path) -> Vec<String> {
    let path = compat_folder.join(FILE);
    let Ok(text) = std::fs::read_to_string(&path) else {
        return vec![format!(
            "{} is missing: cargo xtask compat-setup",
            path.display()
        )];
    };
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    ["server", "tools", "clients"]
        .into_iter()
        .filter_map(|set| {
            let folder = manifest[set]["lib"].as_str().unwrap_or("?");
            let is_there = compat_folder.join(folder).is_dir();
            (!is_there).then(|| format!("{set} jars are not in {folder}: cargo xtask compat-setup"))
        })
        .collect()
}

fn jars(installed: &Installed) -> Value {
    json!({ "version": installed.version, "lib": installed.folder })
}
