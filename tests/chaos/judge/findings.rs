//! What a check has found: how often, and the first few in words.

use std::fmt;

/// So many are told in words.
const TOLD_MAX: usize = 5;

/// The findings of one check.
#[derive(Debug)]
pub(crate) struct Findings {
    promise: &'static str,
    count: u64,
    first: Vec<String>,
}

impl Findings {
    /// None yet.
    pub(super) fn of(promise: &'static str) -> Findings {
        Findings {
            promise,
            count: 0,
            first: Vec::new(),
        }
    }

    /// One more; the words are made only if they will be told.
    pub(super) fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push(words());
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.promise, self.count)?;
        for words in &self.first {
            write!(f, "\n  {words}")?;
        }
        Ok(())
    }
}
