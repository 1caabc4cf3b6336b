//! Where things are: the workspace, the build folder, and the cache that compat-setup fills.

use std::path::{Path, PathBuf};

/// The workspace's root folder, known from where this crate was compiled.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lies directly below the workspace root")
}

/// The folder of the profile that the running program was built with, such as `target/debug`.
pub fn profile() -> PathBuf {
    let program = std::env::current_exe().expect("the operating system knows what it is running");
    let folder = program
        .parent()
        .expect("a program lies in a folder")
        .to_path_buf();
    match folder.file_name() {
        Some(name) if name == "deps" => folder
            .parent()
            .expect("cargo puts deps inside the profile's folder")
            .to_path_buf(),
        _ => folder,
    }
}

/// The cache that `cargo xtask compat-setup` fills: `OTTLA_COMPAT_DIR`, or `compat` in the build
/// folder.
pub fn compat() -> PathBuf {
    match std::env::var_os("OTTLA_COMPAT_DIR") {
        Some(folder) => PathBuf::from(folder),
        None => build().join("compat"),
    }
}

/// The build folder: cargo puts a CACHEDIR.TAG at its top.
fn build() -> PathBuf {
    profile()
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| workspace().join("target"), Path::to_path_buf)
}
