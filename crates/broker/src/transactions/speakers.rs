//! Who speaks for a transactional id: on which connection.
//!
//! A client that waits for an answer no longer opens another connection and asks again. What it has sent on the old one
//! may still be on its way, and arrive during a later transaction: of a client that has one epoch for all of them nothing
//! in the request tells (KIP-890). So once its producer has spoken on a newer connection, what comes on an older one was
//! sent before that, and is not carried out. This holds on the broker that has taken both: a request for a coordinator
//! that has moved is refused anyway.

use ottla_platform::seed::HashMap;
use parking_lot::Mutex;

use crate::limits::SPEAKERS_KNOWN_MAX;

/// The newest connection on which a producer has spoken, by transactional id. Connections have ascending numbers.
#[derive(Default)]
pub struct Speakers {
    newest: Mutex<HashMap<String, u64>>,
}

impl Speakers {
    /// A producer has begun on this connection: nobody else speaks for the id.
    pub(crate) fn begin(&self, transactional_id: &str, connection: u64) {
        let mut newest = self.newest.lock();
        if newest.len() >= SPEAKERS_KNOWN_MAX {
            // Who speaks next is known again from then on.
            newest.clear();
        }
        newest.insert(transactional_id.to_owned(), connection);
    }

    /// Its producer has spoken on this connection.
    pub(crate) fn has_spoken(&self, transactional_id: &str, connection: u64) {
        if let Some(newest) = self.newest.lock().get_mut(transactional_id) {
            *newest = (*newest).max(connection);
            return;
        }
        self.begin(transactional_id, connection);
    }

    /// Whether its producer has spoken on a newer connection.
    pub(crate) fn is_stale(&self, transactional_id: &str, connection: u64) -> bool {
        let newest = self.newest.lock();
        let newest = newest.get(transactional_id);
        newest.is_some_and(|newest| connection < *newest)
    }

    /// Of how many ids it is known.
    pub fn known(&self) -> usize {
        self.newest.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_connection_is_stale_until_a_producer_begins_there() {
        let speakers = Speakers::default();
        assert!(!speakers.is_stale("a", 5));
        speakers.has_spoken("a", 7);
        assert!(speakers.is_stale("a", 5) && !speakers.is_stale("a", 7));
        assert!(!speakers.is_stale("b", 5));
        speakers.has_spoken("a", 6);
        assert!(speakers.is_stale("a", 6));
        speakers.begin("a", 3);
        assert!(!speakers.is_stale("a", 3));
    }

    #[test]
    fn what_is_known_has_a_bound() {
        let speakers = Speakers::default();
        for number in 0..=SPEAKERS_KNOWN_MAX {
            speakers.begin(&number.to_string(), 1);
        }
        assert_eq!(speakers.known(), 1);
    }
}
