//! The static program: one that needs nothing of the system that it runs on but the kernel.

use std::path::PathBuf;

use crate::shell::{self, Outcome};

/// The largest that it may be, in bytes.
const BYTES_MAX: u64 = 30_000_000;

/// How it is made.
#[derive(Clone, Copy)]
pub(super) enum Profile {
    /// Soon there, large and slow.
    Dev,
    /// As it is shipped.
    Release,
}

impl Profile {
    fn options(self) -> &'static [&'static str] {
        match self {
            Profile::Dev => &[],
            Profile::Release => &["--release"],
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Profile::Dev => "debug",
            Profile::Release => "release",
        }
    }
}

/// Builds it, says its size, and fails where it is too large.
pub(super) fn build_static(profile: Profile) -> Outcome<PathBuf> {
    let target = shell::output_of(shell::command("rustc").args(["--print", "host-tuple"]))?;
    let target = target.trim();
    if !target.ends_with("-linux-gnu") {
        return Err(format!(
            "the image is made from a program for Linux with glibc, and this is {target}; \
             `docker build --file docker/Dockerfile .` makes one in a container"
        ));
    }
    // With --target the flags are the program's alone: macros, which the compiler loads, cannot be static.
    let mut build = shell::cargo();
    build
        .args(["build", "--package", "ottla-cli", "--target", target])
        .args(profile.options())
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .env("CARGO_PROFILE_DEV_DEBUG", "none")
        .env("CARGO_PROFILE_DEV_STRIP", "symbols");
    shell::run(&mut build)?;
    let folder = shell::build_folder().join(target);
    let program = folder.join(profile.folder()).join("ottla");
    let bytes = program
        .metadata()
        .map_err(|error| format!("cannot find {}: {error}", program.display()))?
        .len();
    println!("the static program has {bytes} bytes");
    match profile {
        Profile::Release if bytes > BYTES_MAX => Err(format!("more than {BYTES_MAX} bytes")),
        Profile::Dev | Profile::Release => Ok(program),
    }
}
