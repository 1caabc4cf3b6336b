//! What a build of the configuration has to say besides its result.

use super::error::{ConfigError, Problem};

/// Collects; the whole input is read before anything is refused, so that one run shows all faults.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
    problems: Vec<Problem>,
}

impl Report {
    /// Something good to know.
    pub(super) fn note(&mut self, line: String) {
        self.notes.push(line);
    }

    /// Something that is probably not as wanted.
    pub(super) fn warn(&mut self, line: String) {
        self.warnings.push(line);
    }

    /// Something that stops the start.
    pub(super) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Fails if anything stops the start.
    pub(super) fn check(&mut self) -> Result<(), ConfigError> {
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ConfigError {
                problems: std::mem::take(&mut self.problems),
            })
        }
    }
}
