//! The part of a document that a suite writes, and holds the tree to.

use crate::folders;

/// What stands behind a line of a document, to the document's end.
pub struct Section {
    /// The document, below the workspace.
    pub path: &'static str,
    /// The line before the section, with its end.
    pub mark: &'static str,
    /// The variable that, set to anything, has the section written instead of compared.
    pub bless: &'static str,
    /// The command that sets it.
    pub command: &'static str,
}

impl Section {
    /// Fails unless the document says this; or writes it there.
    pub fn hold_to(&self, found: &str) -> Result<(), String> {
        let Section {
            path, mark, bless, ..
        } = self;
        let file = folders::workspace().join(path);
        let text = std::fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))?;
        let (head, in_tree) = text
            .split_once(mark)
            .ok_or_else(|| format!("{path} lacks the line {mark:?}"))?;
        if std::env::var_os(bless).is_some() {
            return std::fs::write(&file, format!("{head}{mark}{found}"))
                .map_err(|error| format!("{path}: {error}"));
        }
        if in_tree == found {
            return Ok(());
        }
        let command = self.command;
        Err(format!(
            "{path} is out of date: run `{command}`; found was\n{found}"
        ))
    }
}
