//! Which program this is.

/// The version, with the commit where the build knew it.
pub(crate) fn version() -> &'static str {
    const COMMIT: &str = env!("BUILD_COMMIT");
    if COMMIT.is_empty() {
        env!("CARGO_PKG_VERSION")
    } else {
        concat!(env!("CARGO_PKG_VERSION"), " (", env!("BUILD_COMMIT"), ")")
    }
}
