//! What was seen and still binds.
//!
//! A machine that loses power without having synced may take back what it said. In a run in which that
//! may happen nothing binds that was seen before, and of each partition nothing until a record is
//! acknowledged that was sent afterwards: a majority has it, and with it all that comes before.

use std::collections::BTreeMap;

use super::shared::PARTITIONS;

/// After which loss something was seen of a partition whose log stands since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing(u64);

/// See the file's head.
pub(super) struct Evidence {
    losses: u64,
    /// The partitions of which what is seen binds.
    standing: BTreeMap<i32, Standing>,
}

impl Default for Evidence {
    fn default() -> Evidence {
        let all = (0..PARTITIONS).map(|partition| (partition, Standing(0)));
        Evidence {
            losses: 0,
            standing: all.collect(),
        }
    }
}

impl Evidence {
    /// A machine may have lost what it said it had.
    pub(super) fn lost(&mut self) {
        self.losses += 1;
        self.standing.clear();
    }

    /// What a record that is sent now proves once it is acknowledged.
    pub(super) fn now(&self) -> Standing {
        Standing(self.losses)
    }

    /// A record was acknowledged that was sent at `sent`; whether that still means anything.
    pub(super) fn acknowledged(&mut self, partition: i32, sent: Standing) -> bool {
        let holds = sent == self.now();
        if holds {
            self.standing.insert(partition, sent);
        }
        holds
    }

    /// What an answer to a question that is asked now is worth, if anything.
    pub(super) fn of(&self, partition: i32) -> Option<Standing> {
        self.standing.get(&partition).copied()
    }

    /// Whether an answer still binds, the question to which was asked at `asked`.
    pub(super) fn binds(&self, partition: i32, asked: Option<Standing>) -> bool {
        asked.is_some() && asked == self.of(partition)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_before_a_loss_binds_no_more() {
        let mut evidence = Evidence::default();
        let asked = evidence.of(0);
        assert!(evidence.binds(0, asked));
        evidence.lost();
        assert!(!evidence.binds(0, asked));
        assert!(!evidence.binds(0, evidence.of(0)));
    }

    #[test]
    fn a_record_that_was_sent_after_the_loss_makes_a_log_stand_again() {
        let mut evidence = Evidence::default();
        let before = evidence.now();
        evidence.lost();
        assert!(!evidence.acknowledged(0, before));
        assert_eq!(evidence.of(0), None);
        assert!(evidence.acknowledged(0, evidence.now()));
        assert!(evidence.binds(0, evidence.of(0)));
        assert_eq!(evidence.of(1), None);
    }
}
