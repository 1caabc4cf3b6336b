//! DescribeTransactions and ListTransactions.

use ottla_protocol::ErrorCode;
use ottla_statemachine::Timestamp;

use super::Producer;
use crate::state::{Partitions, Phase, State};

/// How a transaction stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// Who writes.
    pub producer: Producer,
    /// How it stands.
    pub phase: Phase,
    /// How long it may take.
    pub timeout_ms: i32,
    /// When it began; −1 if it has not.
    pub started_ms: i64,
    /// What it writes to.
    pub partitions: Partitions,
}

impl Described {
    pub(crate) fn of(hard: &State, transactional_id: &str) -> Result<Described, ErrorCode> {
        let known = hard.get(transactional_id);
        let known = known.ok_or(ErrorCode::TransactionalIdNotFound)?;
        Ok(Described {
            producer: Producer {
                id: known.producer_id,
                epoch: known.producer_epoch,
            },
            phase: known.phase,
            timeout_ms: known.timeout_ms,
            started_ms: known.started_ms,
            partitions: known.partitions.clone(),
        })
    }
}

/// Which transactional ids there are. Whoever asks looks at their names.
#[derive(Clone, Debug, Default)]
pub struct ListTransactions {
    /// Those of these producers; all if empty.
    pub producer_ids: Vec<i64>,
    /// Those that stand so; all if `None`.
    pub phases: Option<Vec<Phase>>,
    /// Those that began longer ago than this; all if negative.
    pub duration_ms: i64,
}

/// A transactional id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub transactional_id: String,
    /// Who writes.
    pub producer_id: i64,
    /// How it stands.
    pub phase: Phase,
}

impl ListTransactions {
    pub(crate) fn decide(self, hard: &State, now: Timestamp) -> Vec<Listed> {
        let mut all = Vec::new();
        for (transactional_id, it) in hard.iter() {
            let of_producers =
                self.producer_ids.is_empty() || self.producer_ids.contains(&it.producer_id);
            let phases = self.phases.as_ref();
            let of_phases = phases.is_none_or(|phases| phases.contains(&it.phase));
            let lasts_ms = now.0.saturating_sub(it.started_ms);
            if of_producers && of_phases && (self.duration_ms < 0 || lasts_ms > self.duration_ms) {
                all.push(Listed {
                    transactional_id: transactional_id.to_owned(),
                    producer_id: it.producer_id,
                    phase: it.phase,
                });
            }
        }
        all
    }
}
