//! The house rules that a search can check: file heads, file lengths, tables of contents, and no
//! path of anyone's own machine in what everybody gets.
//!
//! It does not judge style; rustfmt, clippy and readers do.

use std::path::Path;

use crate::shell::{self, Outcome};

const FILE_LINES_MAX: usize = 600;

/// Roots of paths that exist on one machine only.
const PRIVATE_ROOTS: &[&str] = &["/home/", "/Users/", "/root/"];

/// Checks every file that git knows about and reports all offences.
pub(crate) fn check() -> Outcome {
    let mut offences = Vec::new();
    for path in shell::project_files()? {
        let Ok(text) = std::fs::read_to_string(shell::root().join(&path)) else {
            continue; // not text
        };
        let of_this_file = if path.extension().is_some_and(|extension| extension == "rs") {
            [
                offences_of_source(&path, &text),
                private_paths(&path, &text),
            ]
            .concat()
        } else {
            private_paths(&path, &text)
        };
        offences.extend(of_this_file);
    }
    if offences.is_empty() {
        println!("house rules hold");
        return Ok(());
    }
    Err(format!("house rules\n  {}", offences.join("\n  ")))
}

fn offences_of_source(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display();
    let mut offences = Vec::new();
    let line_count = text.lines().count();
    if line_count > FILE_LINES_MAX {
        offences.push(format!(
            "{shown}: {line_count} lines; look for the missing idea at {FILE_LINES_MAX}"
        ));
    }
    if is_of_tests(path) {
        return offences; // beside the code they test: that says what they are
    }
    if !text.starts_with("//!") {
        offences.push(format!(
            "{shown}: a file opens with //! and says what it is"
        ));
    }
    let is_table_of_contents = path.starts_with("crates")
        && path
            .file_name()
            .is_some_and(|name| name == "lib.rs" || name == "mod.rs");
    if is_table_of_contents && text.lines().any(declares_function) {
        offences.push(format!("{shown}: a table of contents holds no logic"));
    }
    offences
}

/// A module of unit tests in a file of its own, or a file of one.
fn is_of_tests(path: &Path) -> bool {
    path.starts_with("crates")
        && path
            .components()
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

fn declares_function(line: &str) -> bool {
    let words = line.trim_start();
    [
        "fn ",
        "pub fn ",
        "pub(crate) fn ",
        "async fn ",
        "pub async fn ",
    ]
    .iter()
    .any(|opening| words.starts_with(opening))
}

fn private_paths(path: &Path, text: &str) -> Vec<String> {
    if path == Path::new("xtask/src/house.rs") {
        return Vec::new(); // names the roots in order to look for them
    }
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            PRIVATE_ROOTS
                .iter()
                .any(|root| holds_path_below(line, root))
        })
        .map(|(index, _)| format!("{}:{}: a path of one machine", path.display(), index + 1))
        .collect()
}

/// Whether the line has the root at the beginning of a path, not in the middle of one.
fn holds_path_below(line: &str, root: &str) -> bool {
    line.match_indices(root).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || "./_-}".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offences(path: &str, text: &str) -> usize {
        offences_of_source(Path::new(path), text).len()
    }

    #[test]
    fn a_file_without_a_head_is_an_offence() {
        assert_eq!(offences("crates/a/src/b.rs", "//! What it is.\n"), 0);
        assert_eq!(offences("crates/a/src/b.rs", "fn f() {}\n"), 1);
    }

    #[test]
    fn logic_in_a_table_of_contents_is_an_offence() {
        assert_eq!(offences("crates/a/src/lib.rs", "//! A.\nmod b;\n"), 0);
        assert_eq!(
            offences("crates/a/src/lib.rs", "//! A.\npub fn f() {}\n"),
            1
        );
    }

    #[test]
    fn a_long_file_is_an_offence() {
        let long = format!("//! A.\n{}", "\n".repeat(FILE_LINES_MAX));
        assert_eq!(offences("crates/a/src/b.rs", &long), 1);
    }

    #[test]
    fn only_the_beginning_of_a_path_counts_as_a_private_root() {
        assert!(holds_path_below("see /home/someone/x", "/home/"));
        assert!(!holds_path_below("example.org/home/page", "/home/"));
    }
}
