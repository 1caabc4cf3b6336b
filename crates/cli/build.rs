//! Tells the program which commit it is made from, if that can be found out.
//!
//! `OTTLA_COMMIT` in the environment of the build wins (packagers); else git is asked; without either the version
//! stands alone.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=OTTLA_COMMIT");
    let given = std::env::var("OTTLA_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty());
    let commit = given.or_else(|| git(&["rev-parse", "--short=12", "HEAD"]));
    println!(
        "cargo::rustc-env=BUILD_COMMIT={}",
        commit.unwrap_or_default()
    );
    // Each of them changes with some way of moving to another commit. Cargo takes a missing one for changed.
    for name in ["HEAD", "logs/HEAD"] {
        if let Some(path) = git(&["rev-parse", "--git-path", name])
            && Path::new(&path).exists()
        {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
