//! A trial of libtest-mimic that says why it cannot run, and what a panic said.

use std::any::Any;

use libtest_mimic::{Completion, Failed, Trial};

/// A trial that is ignored, with the reason, when something is missing; with `CI=true` it fails instead, so that
/// no suite falls silent where it counts.
pub fn unless_missing(
    name: &str,
    missing: Option<String>,
    body: impl FnOnce() -> Result<Completion, Failed> + Send + 'static,
) -> Trial {
    let is_strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
    match missing {
        Some(reason) if is_strict => Trial::test(name, move || Err(Failed::from(reason))),
        Some(reason) => Trial::ignorable_test(name, move || Ok(Completion::ignored_with(reason))),
        None => Trial::ignorable_test(name, body),
    }
}

/// What a panic that was caught said.
pub fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
}
