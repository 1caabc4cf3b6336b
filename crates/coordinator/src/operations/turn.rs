//! One step's work on one group: the group is taken out of the leader's memory, changed, and put
//! back.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::JoinRefused;
use crate::config::GroupConfig;
use crate::live::{Live, LiveGroup, Member, Waiting};
use crate::machine::{Groups, Input, Reply, Timer, TimerKey};
use crate::record::{GroupMetadataValue, Record};
use crate::state::State;

/// A group in hand, and all that a decision about it needs.
pub(crate) struct Turn<'a> {
    pub(super) group_id: &'a str,
    pub(super) group: LiveGroup,
    pub(super) config: &'a GroupConfig,
    pub(super) now: Timestamp,
    pub(super) out: &'a mut Outbox<Groups>,
}

impl<'a> Turn<'a> {
    /// Takes the group; `None` if there is none of that name. Whoever takes it puts it back.
    pub(crate) fn take(
        hard: &'a State,
        live: &mut Live,
        group_id: &'a str,
        now: Timestamp,
        out: &'a mut Outbox<Groups>,
    ) -> Option<Self> {
        let group = live.take(hard, group_id)?;
        Some(Self {
            group_id,
            group,
            config: hard.config(),
            now,
            out,
        })
    }

    /// Takes a group that the log is just about to learn of.
    pub(super) fn of_new(
        hard: &'a State,
        group_id: &'a str,
        value: &GroupMetadataValue,
        now: Timestamp,
        out: &'a mut Outbox<Groups>,
    ) -> Self {
        Self {
            group_id,
            group: LiveGroup::loaded(value),
            config: hard.config(),
            now,
            out,
        }
    }

    /// Puts the group back.
    pub(crate) fn put(self, live: &mut Live) {
        live.put(self.group_id, self.group);
    }

    /// A new leader found the group in the log.
    pub(crate) fn begin_to_lead(&mut self) {
        for member_id in self.group.members.keys().cloned().collect::<Vec<_>>() {
            self.renew_session(&member_id);
        }
        if self.group.members.len() > self.config.max_size {
            self.prepare_rebalance();
        }
    }

    pub(super) fn record_of(&self) -> Record {
        Record::GroupMetadata {
            group_id: self.group_id.to_owned(),
            value: Some(self.group.to_value()),
        }
    }

    /// The member was heard, or is about to be answered: its session starts anew.
    pub(crate) fn renew_session(&mut self, member_id: &str) {
        let Some(member) = self.group.members.get(member_id) else {
            return;
        };
        let timeout_ms = i64::from(member.session_timeout_ms);
        self.set_session(member_id, timeout_ms);
    }

    pub(super) fn set_session(&mut self, member_id: &str, timeout_ms: i64) {
        let input = Input::Timer(Timer::Session {
            group_id: self.group_id.to_owned(),
            member_id: member_id.to_owned(),
        });
        let key = self.session_key(member_id);
        self.out.set_timer(key, self.now.plus_ms(timeout_ms), input);
    }

    pub(super) fn cancel_session(&mut self, member_id: &str) {
        let key = self.session_key(member_id);
        self.out.cancel_timer(key);
    }

    pub(super) fn join_key(&self) -> TimerKey {
        TimerKey::Join {
            group_id: self.group_id.to_owned(),
        }
    }

    pub(super) fn sync_key(&self) -> TimerKey {
        TimerKey::Sync {
            group_id: self.group_id.to_owned(),
        }
    }

    fn session_key(&self, member_id: &str) -> TimerKey {
        TimerKey::Session {
            group_id: self.group_id.to_owned(),
            member_id: member_id.to_owned(),
        }
    }

    /// Removes a member or a pending member with its session. If it waits for an answer it gets
    /// `UNKNOWN_MEMBER_ID`, on which a client that is still there starts over.
    pub(super) fn remove(&mut self, member_id: &str) {
        self.cancel_session(member_id);
        if let Some(member) = self.group.remove(member_id) {
            self.turn_away(&member, "", ErrorCode::UnknownMemberId);
        }
    }

    /// Answers what a member waits for with an error.
    pub(super) fn turn_away(&mut self, member: &Member, member_id: &str, error: ErrorCode) {
        match member.waiting {
            Waiting::No => {}
            Waiting::Join(ticket) => {
                let refused = JoinRefused::new(error, member_id);
                self.out.reply_to(ticket, Reply::JoinGroup(Err(refused)));
            }
            Waiting::Sync(ticket) => self.out.reply_to(ticket, Reply::SyncGroup(Err(error))),
        }
    }

    /// Keeps the asker of this step waiting in a member's name. If that member waits already, its
    /// client gave up on the older request: it gets `REBALANCE_IN_PROGRESS`, which no client takes
    /// amiss, so that no request is left without an answer.
    pub(super) fn wait(&mut self, member_id: &str, waiting: Waiting) {
        let member = self.group.members.get_mut(member_id);
        let member = member.expect("only members wait");
        let before = std::mem::replace(&mut member.waiting, waiting);
        let error = ErrorCode::RebalanceInProgress;
        match before {
            Waiting::No => {}
            Waiting::Join(ticket) => {
                let refused = JoinRefused::new(error, member_id);
                self.out.reply_to(ticket, Reply::JoinGroup(Err(refused)));
            }
            Waiting::Sync(ticket) => self.out.reply_to(ticket, Reply::SyncGroup(Err(error))),
        }
    }
}
