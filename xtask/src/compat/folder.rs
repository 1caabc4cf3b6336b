//! Where the downloads live: outside the tree, in the build folder unless the environment says
//! otherwise, so that `cargo clean` or one `rm` removes them.

use std::path::{Path, PathBuf};

/// Names the folder for this command and for the suites.
const VARIABLE: &str = "OTTLA_COMPAT_DIR";

/// The folder that holds the downloads, what was compiled and the manifest.
pub(crate) fn compat_folder() -> PathBuf {
    match std::env::var_os(VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => target_folder().join("compat"),
    }
}

/// The build folder that this program lies in: cargo puts a CACHEDIR.TAG at its top.
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("the operating system knows what it is running");
    program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| crate::shell::root().join("target"), Path::to_path_buf)
}
