//! Offsets that nobody needs any more, and groups that are nothing any more.
//!
//! | the group | an offset expires so long after |
//! |---|---|
//! | never had members | it was committed |
//! | is empty | the group became so; if an old log does not say when, it was committed |
//! | is stable, of consumers that do not read the topic | it was committed |
//! | anything else | never |
//!
//! An offset that says itself when to expire does so then, in all but the last of these. A group
//! that is empty and has no offsets ends.

use ottla_statemachine::{Outbox, Timestamp};

use super::limits::RETENTION_CONTINUES_AFTER_MS;
use crate::live::{Live, LiveGroup, Phase};
use crate::machine::{Groups, Input, Timer, TimerKey};
use crate::record::{OffsetCommitKey, OffsetCommitValue, Record};
use crate::state::{Group, State};

/// Sets the timer of the next round.
pub(crate) fn set_retention_timer(now: Timestamp, after_ms: i64, out: &mut Outbox<Groups>) {
    let input = Input::Timer(Timer::Retention);
    out.set_timer(TimerKey::Retention, now.plus_ms(after_ms), input);
}

/// One round over all groups. What does not fit the batch is left for another one soon.
pub(crate) fn expire_offsets(hard: &State, live: &Live, now: Timestamp, out: &mut Outbox<Groups>) {
    let config = hard.config();
    let round = Round {
        now_ms: now.0,
        retention_ms: config.offsets_retention_ms,
    };
    let complete = hard
        .groups()
        .all(|(group_id, logged)| round.visit(group_id, logged, live.group(group_id), out));
    let after_ms = if complete {
        config.offsets_retention_check_interval_ms.max(1)
    } else {
        RETENTION_CONTINUES_AFTER_MS
    };
    set_retention_timer(now, after_ms, out);
}

struct Round {
    now_ms: i64,
    retention_ms: i64,
}

/// From when on an offset's time counts.
enum Since {
    Commit,
    Moment(i64),
}

impl Round {
    /// Says whether everything fitted.
    fn visit(
        &self,
        group_id: &str,
        logged: &Group,
        live: Option<&LiveGroup>,
        out: &mut Outbox<Groups>,
    ) -> bool {
        let mut left = 0;
        for (topic, partitions) in logged.offsets() {
            let since = since(topic, logged, live);
            for (&partition, value) in partitions {
                if !since
                    .as_ref()
                    .is_some_and(|since| self.is_expired(value, since))
                {
                    left += 1;
                    continue;
                }
                let key = OffsetCommitKey {
                    group_id: group_id.to_owned(),
                    topic: topic.clone(),
                    partition,
                };
                if !write(Record::OffsetCommit { key, value: None }, out) {
                    return false;
                }
            }
        }
        // Where something goes on, someone is or is about to come.
        if left > 0 || live.is_some() {
            return true;
        }
        let group_id = group_id.to_owned();
        write(
            Record::GroupMetadata {
                group_id,
                value: None,
            },
            out,
        )
    }

    fn is_expired(&self, value: &OffsetCommitValue, since: &Since) -> bool {
        if let Some(expire_timestamp_ms) = value.expire_timestamp_ms {
            return self.now_ms >= expire_timestamp_ms;
        }
        let since_ms = match since {
            Since::Commit => value.commit_timestamp_ms,
            Since::Moment(since_ms) => *since_ms,
        };
        self.now_ms.saturating_sub(since_ms) >= self.retention_ms
    }
}

fn write(record: Record, out: &mut Outbox<Groups>) -> bool {
    let fits = out.fits(std::slice::from_ref(&record));
    if fits {
        out.record(record);
    }
    fits
}

/// From when on the time of a topic's offsets counts; `None` if they are in use.
fn since(topic: &str, logged: &Group, live: Option<&LiveGroup>) -> Option<Since> {
    match live {
        Some(group) if group.is_subscribed_to(topic) => None,
        Some(group) => match group.phase {
            Phase::Empty => Some(since_empty(
                group.protocol_type.is_some(),
                group.phase_since_ms,
            )),
            Phase::Stable if group.are_consumers() && group.subscribed_topics.is_some() => {
                Some(Since::Commit)
            }
            Phase::PreparingRebalance { .. } | Phase::CompletingRebalance | Phase::Stable => None,
        },
        None => {
            let value = logged.metadata();
            let since_ms = value.map(|value| value.current_state_timestamp_ms);
            Some(since_empty(
                value.is_some_and(|value| !value.protocol_type.is_empty()),
                since_ms.filter(|since_ms| *since_ms != -1),
            ))
        }
    }
}

fn since_empty(had_members: bool, since_ms: Option<i64>) -> Since {
    match since_ms {
        Some(since_ms) if had_members => Since::Moment(since_ms),
        _ => Since::Commit,
    }
}
