//! `cargo xtask compat-setup`: puts everything that the suites with other people's clients and
//! tools need into one cache folder, and writes a manifest that says what is there.
//!
//! It is the only command that downloads anything besides crates. It is idempotent: what is
//! already there and still right is left alone. The suites read nothing but the manifest
//! (`tests/support/compat.rs` holds its reading side); what it does not list, they report as
//! missing.

mod folder;
mod go;
mod java;
mod manifest;
mod maven;
mod python;

use std::path::Path;

use clap::Args;

use crate::shell::{self, Outcome};
use java::Jdk;
use manifest::Entry;
use maven::JarSet;

/// How to behave.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Fail when anything cannot be had, instead of going on without it
    #[arg(long)]
    strict: bool,
    /// Only say what is there and what is missing
    #[arg(long)]
    check: bool,
}

/// Sets up what can be set up and says what could not.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let folder = folder::compat_folder();
    println!("compat folder: {}", folder.display());
    let mut missing = Vec::new();
    if arguments.check {
        missing.extend(manifest::problems(&folder));
    } else {
        std::fs::create_dir_all(&folder)
            .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
        let set_up = [set_up_java, python::install, go::install];
        missing.extend(set_up.into_iter().filter_map(|set_up| {
            set_up(&folder)
                .and_then(|entry| manifest::add(&folder, entry))
                .err()
        }));
    }
    missing.extend(missing_programs());
    report(&missing, arguments.strict || arguments.check)
}

fn set_up_java(folder: &Path) -> Outcome<Entry> {
    let jdk = Jdk::find()?;
    println!(
        "java: {} (version {})",
        jdk.java.display(),
        jdk.major_version
    );
    let server = maven::install(folder, &JarSet::SERVER)?;
    let tools = maven::install(folder, &JarSet::TOOLS)?;
    let clients = maven::install(folder, &JarSet::CLIENTS)?;
    let connect = maven::install(folder, &JarSet::CONNECT)?;
    let sources_crc32c = java::compile_suites(&jdk, folder, &clients)?;
    Ok(Entry::Java {
        jdk,
        jars: vec![server, tools, clients, connect],
        sources_crc32c,
    })
}

/// Programs that a package manager installs; this command does not need root and does not ask for it.
fn missing_programs() -> Vec<String> {
    let wanted = [
        (
            "kcat",
            "suite `kcat`",
            "Debian: apt-get install kcat; macOS: brew install kcat",
        ),
        (
            "make",
            "suite `rdkafka`",
            "Debian: apt-get install make; macOS: xcode-select --install",
        ),
    ];
    let mut missing = Vec::new();
    for (program, needed_by, hint) in wanted {
        match shell::find_program(program) {
            Some(path) => println!("{program}: {}", path.display()),
            None => missing.push(format!("{program} is missing ({needed_by}). {hint}")),
        }
    }
    missing
}

fn report(missing: &[String], fail: bool) -> Outcome {
    if missing.is_empty() {
        println!("everything is there; `cargo test --workspace` runs all suites");
        return Ok(());
    }
    let list = missing.join("\n- ");
    if fail {
        return Err(format!("not everything is there\n- {list}"));
    }
    println!("not everything is there; the suites concerned will be listed as ignored\n- {list}");
    Ok(())
}
