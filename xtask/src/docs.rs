//! `cargo xtask docs`: docs/compatibility.md, and its summary in README.md, are made from the table
//! of served APIs.
//!
//! The table and its renderer live in `ottla-protocol`; they are run as a program of their own, so
//! that this crate stays quick to build and works when others do not compile. Tests of that crate
//! fail when the tree does not hold what the renderer prints.

use crate::shell::{self, Outcome};

const PAGE: &str = "docs/compatibility.md";
const README: &str = "README.md";
/// The line of the README before the summary.
const MARK: &str = "<!-- the next line is made by `cargo xtask docs` -->";

/// Writes both.
pub(crate) fn run() -> Outcome {
    write(PAGE, &rendered(&[])?)?;
    let readme = std::fs::read_to_string(shell::root().join(README))
        .map_err(|error| format!("cannot read {README}: {error}"))?;
    write(
        README,
        &with_summary(&readme, rendered(&["summary"])?.trim())?,
    )
}

fn rendered(arguments: &[&str]) -> Outcome<String> {
    let mut command = shell::cargo();
    command
        .args(["run", "--quiet", "--package", "ottla-protocol"])
        .args(["--example", "compatibility", "--"])
        .args(arguments);
    shell::output_of(&mut command)
}

fn with_summary(readme: &str, summary: &str) -> Outcome<String> {
    let missing = || format!("{README} has no line {MARK:?}");
    let (before, after) = readme.split_once(MARK).ok_or_else(missing)?;
    let after = after.trim_start_matches('\n');
    let (_, rest) = after.split_once('\n').unwrap_or((after, ""));
    Ok(format!("{before}{MARK}\n{summary}\n{rest}"))
}

fn write(file: &str, text: &str) -> Outcome {
    std::fs::write(shell::root().join(file), text)
        .map_err(|error| format!("cannot write {file}: {error}"))?;
    println!("wrote {file}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_after_the_mark_is_replaced() {
        let readme = format!("a\n{MARK}\nold\nb\n");
        let expected = format!("a\n{MARK}\nnew\nb\n");
        assert_eq!(with_summary(&readme, "new").unwrap(), expected);
        assert!(with_summary("a\n", "new").is_err());
    }
}
