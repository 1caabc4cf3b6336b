//! Where the downloads live: outside the tree, in the build folder unless the environment says
//! otherwise, so that `cargo clean` or one `rm` removes them.

use std::path::PathBuf;

use crate::shell;

/// Names the folder for this command and for the suites.
const VARIABLE: &str = "OTTLA_COMPAT_DIR";

/// The folder that holds the downloads, what was compiled and the manifest.
pub(crate) fn compat_folder() -> PathBuf {
    match std::env::var_os(VARIABLE) {
        Some(folder) => PathBuf::from(folder),
        None => shell::build_folder().join("compat"),
    }
}
