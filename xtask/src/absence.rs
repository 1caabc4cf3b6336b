//! What a crate must *not* know: the invariants of absence, as tables and a search.
//!
//! Two kinds of rule. An *edge* rule reads manifests: which crates of ours, and which guarded
//! outside crates, a crate may depend on. A *word* rule reads sources: a path that names a door to
//! the operating system may stand only in the crate that owns the door. Comments and test code are
//! not searched. It is a search, not a parser: it is meant to catch an honest mistake on the day
//! it is made.

use std::path::Path;

use serde_json::Value;

use crate::shell::{self, Outcome};

/// Which crates of ours each crate may depend on. Those that are not listed may use anything.
const EDGES: &[(&str, &[&str])] = &[
    ("ottla-protocol", &[]),
    ("ottla-statemachine", &[]),
    ("ottla-platform", &[]),
    ("ottla-metadata", &["ottla-statemachine", "ottla-protocol"]),
    (
        "ottla-coordinator",
        &["ottla-statemachine", "ottla-protocol"],
    ),
    (
        "ottla-transactions",
        &["ottla-statemachine", "ottla-protocol"],
    ),
    ("ottla-storage", &["ottla-platform", "ottla-protocol"]),
    (
        "ottla-replication",
        &[
            "ottla-storage",
            "ottla-statemachine",
            "ottla-platform",
            "ottla-protocol",
        ],
    ),
    ("ottla-client", &["ottla-protocol", "ottla-platform"]),
];

/// Outside crates that only some of ours may depend on (in what they ship, not in their tests).
const GUARDED: &[(&str, &[&str])] = &[
    ("openraft", &["ottla-replication"]),
    ("openraft-rt", &["ottla-replication"]),
    ("openraft-rt-tokio", &["ottla-replication"]),
    ("memmap2", &["ottla-platform"]),
    (
        "rustix",
        &["ottla-platform", "ottla-tests", "ottla-benches"],
    ),
];

/// Outside crates that the pure crates may not depend on at all.
const IMPURE: &[&str] = &["tokio", "rand", "getrandom", "parking_lot"];
const PURE: &[&str] = &[
    "ottla-statemachine",
    "ottla-metadata",
    "ottla-coordinator",
    "ottla-transactions",
];

/// A word that may stand only in some folders.
struct Word {
    word: &'static str,
    /// Folders below crates/ to which the rule applies; empty for all of them.
    within: &'static [&'static str],
    /// Path prefixes below crates/ where the word is at home.
    home: &'static [&'static str],
}

const WORDS: &[Word] = &[
    everywhere_but("openraft::", &["replication/"]),
    everywhere_but("std::fs", &["platform/", "cli/"]), // the cli reads the files that it is told to
    everywhere_but("tokio::fs", &[]),
    everywhere_but("std::net::Tcp", &["platform/"]),
    everywhere_but("tokio::net", &["platform/"]),
    everywhere_but("SystemTime", &["platform/"]),
    everywhere_but("spawn_blocking", &["platform/"]),
    everywhere_but("std::thread", &["platform/", "cli/"]), // the simulator does not run it
    everywhere_but("std::time::Instant", &["platform/", "cli/"]),
    everywhere_but("std::collections::HashMap", &["platform/"]),
    everywhere_but("std::collections::HashSet", &["platform/"]),
    everywhere_but("unsafe {", &["platform/"]),
    everywhere_but("unsafe fn", &["platform/"]),
    everywhere_but("unsafe impl", &["platform/"]),
    in_pure_crates("tokio::"),
    in_pure_crates("Instant::now"),
    in_pure_crates("std::time::Instant"),
    in_pure_crates("HashMap"),
    in_pure_crates("HashSet"),
    in_pure_crates("std::env"),
    in_pure_crates("new_v4"),
];

const fn everywhere_but(word: &'static str, home: &'static [&'static str]) -> Word {
    Word {
        word,
        within: &[],
        home,
    }
}

const fn in_pure_crates(word: &'static str) -> Word {
    Word {
        word,
        within: &[
            "statemachine/",
            "metadata/",
            "coordinator/",
            "transactions/",
        ],
        home: &[],
    }
}

/// Checks every rule and reports all that are broken.
pub(crate) fn check() -> Outcome {
    let mut broken = broken_edges(&manifests()?);
    for path in shell::project_files()? {
        let Ok(below_crates) = path.strip_prefix("crates") else {
            continue;
        };
        if is_shipped_source(below_crates) {
            broken.extend(broken_words(below_crates)?);
        }
    }
    if broken.is_empty() {
        println!("absences hold");
        return Ok(());
    }
    Err(format!(
        "a crate knows what it must not know\n  {}",
        broken.join("\n  ")
    ))
}

fn manifests() -> Outcome<Value> {
    let metadata = shell::output_of(shell::cargo().args([
        "metadata",
        "--no-deps",
        "--offline",
        "--format-version=1",
    ]))?;
    serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))
}

fn broken_edges(metadata: &Value) -> Vec<String> {
    let mut broken = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let package_name = package["name"].as_str().unwrap_or_default();
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let dependency_name = dependency["name"].as_str().unwrap_or_default();
            let for_tests_only = dependency["kind"].as_str() == Some("dev");
            if !for_tests_only && !edge_is_allowed(package_name, dependency_name) {
                broken.push(format!(
                    "{package_name} must not depend on {dependency_name}"
                ));
            }
        }
    }
    broken
}

fn edge_is_allowed(package: &str, dependency: &str) -> bool {
    if PURE.contains(&package) && IMPURE.contains(&dependency) {
        return false;
    }
    if let Some((_, owners)) = GUARDED.iter().find(|(name, _)| *name == dependency) {
        return owners.contains(&package);
    }
    match EDGES.iter().find(|(name, _)| *name == package) {
        Some((_, allowed)) => !dependency.starts_with("ottla-") || allowed.contains(&dependency),
        None => true,
    }
}

/// Sources under `src`, without the files that hold only tests.
fn is_shipped_source(below_crates: &Path) -> bool {
    let in_src = below_crates
        .components()
        .nth(1)
        .map(|part| part.as_os_str())
        == Some(std::ffi::OsStr::new("src"));
    let only_tests = below_crates
        .components()
        .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs");
    in_src && !only_tests && below_crates.extension().is_some_and(|ext| ext == "rs")
}

fn broken_words(below_crates: &Path) -> Outcome<Vec<String>> {
    let path = shell::root().join("crates").join(below_crates);
    let source = std::fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(words_in(&below_crates.to_string_lossy(), &source))
}

/// The forbidden words of one source, with their places.
fn words_in(below_crates: &str, source: &str) -> Vec<String> {
    let rules: Vec<&Word> = WORDS
        .iter()
        .filter(|rule| {
            let applies = rule.within.is_empty()
                || rule
                    .within
                    .iter()
                    .any(|folder| below_crates.starts_with(folder));
            applies && !rule.home.iter().any(|home| below_crates.starts_with(home))
        })
        .collect();
    shipped_lines(source)
        .flat_map(|(number, line)| {
            let code = line.split("//").next().unwrap_or_default();
            rules
                .iter()
                .filter(|rule| code.contains(rule.word))
                .map(move |rule| format!("crates/{below_crates}:{number}: {}", rule.word))
        })
        .collect()
}

/// The numbered lines before the test module, which by our habit ends a file.
fn shipped_lines(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let shipped = source
        .split_once("#[cfg(test)]\nmod tests {")
        .map_or(source, |(shipped, _tests)| shipped);
    shipped
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_named_only_at_home() {
        let source = "use std::fs::File;\n";
        assert_eq!(
            words_in("platform/src/disk.rs", source),
            Vec::<String>::new()
        );
        assert_eq!(
            words_in("storage/src/log.rs", source),
            ["crates/storage/src/log.rs:1: std::fs"]
        );
    }

    #[test]
    fn comments_and_tests_are_not_searched() {
        let source = "// std::fs is platform's\n#[cfg(test)]\nmod tests { use std::fs; }\n";
        assert_eq!(words_in("storage/src/log.rs", source), Vec::<String>::new());
    }

    #[test]
    fn a_hash_map_is_forbidden_only_where_its_order_could_decide() {
        let source = "use ottla_platform::seed::HashMap;\n";
        assert_eq!(words_in("metadata/src/image.rs", source).len(), 1);
        assert_eq!(words_in("broker/src/net.rs", source).len(), 0);
    }

    #[test]
    fn an_edge_against_the_layering_is_refused() {
        assert!(edge_is_allowed("ottla-storage", "ottla-platform"));
        assert!(edge_is_allowed("ottla-storage", "bytes"));
        assert!(!edge_is_allowed("ottla-storage", "ottla-replication"));
        assert!(!edge_is_allowed("ottla-broker", "openraft"));
        assert!(!edge_is_allowed("ottla-metadata", "tokio"));
    }
}
