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
                let is_expired = since
                    .as_ref()
                    .is_some_and(|since| self.is_expired(value, since));
                if !is_expired || logged.is_pending(topic, partition) {
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
        if left > 0 || live.is_some() || logged.has_pending() {
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

#[cfg(test)]
mod tests {
    use crate::config::GroupConfig;
    use crate::machine::Input;
    use crate::operations::{CommitTopic, JoinGroup};
    use crate::testing::*;

    const RETENTION_MS: i64 = 7 * 24 * 3_600_000;
    const CHECK_MS: i64 = 600_000;

    fn keep_alive(bench: &mut Bench, member_id: &str, generation: i32, duration_ms: i64) {
        let step_ms = i64::from(SESSION_MS) - 1;
        for _ in 0..duration_ms / step_ms + 1 {
            bench.advance_ms(step_ms);
            bench.heartbeat(member_id, generation).unwrap();
        }
    }

    #[test]
    fn offsets_of_simple_consumers_expire_after_their_commit_and_the_group_with_them() {
        let mut bench = Bench::new();
        bench.commit(commit(5)).unwrap();
        bench.advance_ms(RETENTION_MS - CHECK_MS);
        assert_eq!(bench.offset(0), 5);
        bench.advance_ms(CHECK_MS);
        assert_eq!(bench.offset(0), -1);
        assert_eq!(bench.state(), "Dead");
        assert_eq!(bench.rig.hard().groups().count(), 0);
    }

    #[test]
    fn offsets_of_a_group_expire_after_its_last_member_went() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        bench.commit(commit_as(&members[0], generation, 5)).unwrap();
        keep_alive(&mut bench, &members[0], generation, 3_600_000);
        bench.leave(&[(&members[0], None)]);
        bench.fail_over();
        bench.advance_ms(RETENTION_MS - CHECK_MS);
        assert_eq!(bench.offset(0), 5);
        bench.advance_ms(2 * CHECK_MS);
        assert_eq!(bench.state(), "Dead");
    }

    #[test]
    fn what_consumers_read_does_not_expire_and_what_they_do_not_read_does() {
        let config = GroupConfig {
            offsets_retention_ms: 3_600_000,
            ..GroupConfig::default()
        };
        let mut bench = Bench::with(config);
        let (members, generation) = bench.stable(1);
        let mut asked = commit_as(&members[0], generation, 5);
        let other = CommitTopic {
            name: "u".into(),
            ..asked.topics[0].clone()
        };
        asked.topics.push(other);
        bench.commit(asked).unwrap();
        keep_alive(&mut bench, &members[0], generation, 3_600_000 + CHECK_MS);
        let group = bench.rig.hard().group(GROUP).unwrap();
        assert_eq!(group.offsets().keys().collect::<Vec<_>>(), ["t"]);
        assert_eq!(bench.state(), "Stable");
    }

    #[test]
    fn members_that_are_no_consumers_keep_all_offsets() {
        let config = GroupConfig {
            offsets_retention_ms: 1,
            ..GroupConfig::default()
        };
        let mut bench = Bench::with(config);
        let mut connect = JoinGroup {
            version: 3,
            ..join()
        };
        connect.protocol_type = "connect".into();
        let asker = bench.send(Input::JoinGroup(connect));
        bench.advance_ms(INITIAL_DELAY_MS);
        let member_id = bench.joined(asker).member_id;
        let mut asked = sync(&member_id, 1);
        asked.protocol_type = Some("connect".into());
        bench.ask_sync(asked).unwrap();
        bench.commit(commit_as(&member_id, 1, 5)).unwrap();
        keep_alive(&mut bench, &member_id, 1, 2 * CHECK_MS);
        assert_eq!(bench.offset(0), 5);
    }

    #[test]
    fn an_offset_may_say_itself_when_to_expire() {
        let mut bench = Bench::new();
        let mut asked = commit(5);
        asked.retention_time_ms = 2 * CHECK_MS;
        bench.commit(asked).unwrap();
        bench.advance_ms(CHECK_MS);
        assert_eq!(bench.offset(0), 5);
        bench.advance_ms(CHECK_MS);
        assert_eq!(bench.offset(0), -1);
    }

    #[test]
    fn a_group_that_nobody_came_to_ends_unless_someone_is_about_to() {
        let mut bench = Bench::new();
        bench.member_id(&join());
        bench.advance_ms(CHECK_MS);
        assert_eq!(bench.state(), "Dead");
        bench.advance_ms(CHECK_MS - 1);
        let member_id = bench.member_id(&join());
        bench.advance_ms(1);
        let asker = bench.send(Input::JoinGroup(rejoin(&member_id)));
        bench.advance_ms(INITIAL_DELAY_MS);
        bench.joined(asker);
    }

    #[test]
    fn more_than_a_batch_holds_expires_in_parts() {
        let mut bench = Bench::with_records_max(4);
        bench.commit(commit_many(4)).unwrap();
        bench.advance_ms(RETENTION_MS);
        assert_eq!(bench.offset(0), -1);
        assert_eq!(bench.state(), "Empty");
        bench.advance_ms(super::RETENTION_CONTINUES_AFTER_MS);
        assert_eq!(bench.state(), "Dead");
    }
}
