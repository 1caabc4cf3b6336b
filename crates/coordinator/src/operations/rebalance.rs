//! The rebalance: everyone joins, the leader assigns, everyone gets a part.
//!
//! | phase | ends when | or after |
//! |---|---|---|
//! | join, of a group that was empty | nobody new came for the initial delay | the rebalance timeout |
//! | join | everyone has joined | the rebalance timeout: who did not join is out |
//! | sync | the leader has assigned | the rebalance timeout: who did not ask is out |
//!
//! Only the end of the sync phase is written to the log, and that a group became empty: a new
//! leader finds the last generation that had its assignment.

use bytes::Bytes;
use ottla_protocol::ErrorCode;

use super::limits::JOIN_RETRY_MS_MIN;
use super::{Joined, JoinedMember, Synced, Turn};
use crate::live::{Phase, Waiting};
use crate::machine::{Input, Reply, Timer};

impl Turn<'_> {
    /// Begins a rebalance; in the middle of one, sees whether the join phase is over.
    pub(crate) fn rebalance_or_complete_join(&mut self) {
        match self.group.phase {
            Phase::Empty | Phase::CompletingRebalance | Phase::Stable => self.prepare_rebalance(),
            Phase::PreparingRebalance { .. } => self.maybe_complete_join(),
        }
    }

    /// Ends the join phase if nobody is missing. The initial one also waits for its time.
    pub(super) fn maybe_complete_join(&mut self) {
        let phase = self.group.phase;
        if matches!(phase, Phase::PreparingRebalance { initial: false, .. })
            && self.group.all_joined()
        {
            self.complete_join();
        }
    }

    /// Begins a rebalance.
    pub(crate) fn prepare_rebalance(&mut self) {
        if self.group.phase == Phase::CompletingRebalance {
            self.take_back_assignments(ErrorCode::RebalanceInProgress);
        }
        self.group.pending_syncs.clear();
        self.out.cancel_timer(self.sync_key());
        let initial = self.group.phase == Phase::Empty;
        self.enter(Phase::PreparingRebalance {
            initial,
            new_member_added: false,
        });
        if initial {
            let delay_ms = i64::from(self.config.initial_rebalance_delay_ms);
            let timeout_ms = i64::from(self.group.rebalance_timeout_ms());
            self.set_initial_delay(delay_ms, (timeout_ms - delay_ms).max(0));
        } else if self.group.all_joined() {
            self.complete_join();
        } else {
            self.set_join_timeout(0);
        }
    }

    /// Looks again after the delay, with so much time left to extend it.
    pub(super) fn set_initial_delay(&mut self, delay_ms: i64, remaining_ms: i64) {
        let input = Input::Timer(Timer::InitialJoin {
            group_id: self.group_id.to_owned(),
            delay_ms,
            remaining_ms,
        });
        self.out
            .set_timer(self.join_key(), self.now.plus_ms(delay_ms), input);
    }

    fn set_join_timeout(&mut self, timeout_ms_min: i64) {
        let timeout_ms = i64::from(self.group.rebalance_timeout_ms());
        let deadline = self.now.plus_ms(timeout_ms.max(timeout_ms_min));
        let input = Input::Timer(Timer::Join {
            group_id: self.group_id.to_owned(),
        });
        self.out.set_timer(self.join_key(), deadline, input);
    }

    /// Ends the join phase. Dynamic members that did not join are out; static ones may come back
    /// and keep their place. If nobody at all joined, everyone gets another timeout.
    pub(super) fn complete_join(&mut self) {
        self.out.cancel_timer(self.join_key());
        let members = self.group.members.iter();
        let missing = members
            .filter(|(_, member)| !member.has_joined() && member.instance_id.is_none())
            .map(|(member_id, _)| member_id.clone());
        for member_id in missing.collect::<Vec<_>>() {
            self.remove(&member_id);
        }
        if self.group.members.is_empty() {
            self.become_empty();
        } else if self.group.elect_joined_leader() {
            self.begin_generation();
        } else {
            self.set_join_timeout(JOIN_RETRY_MS_MIN);
        }
    }

    fn become_empty(&mut self) {
        self.next_generation(Phase::Empty);
        let record = self.record_of();
        self.out.record(record);
    }

    fn begin_generation(&mut self) {
        self.next_generation(Phase::CompletingRebalance);
        let member_ids: Vec<String> = self.group.members.keys().cloned().collect();
        for member_id in member_ids {
            let joined = self.joined(&member_id);
            let member = self.group.members.get_mut(&member_id);
            let member = member.expect("it was listed above");
            member.is_new = false;
            if let Waiting::Join(ticket) = member.waiting {
                member.waiting = Waiting::No;
                self.out.reply_to(ticket, Reply::JoinGroup(Ok(joined)));
            }
            self.renew_session(&member_id);
            self.group.pending_syncs.insert(member_id);
        }
        let deadline = self
            .now
            .plus_ms(i64::from(self.group.rebalance_timeout_ms()));
        let input = Input::Timer(Timer::Sync {
            group_id: self.group_id.to_owned(),
            generation: self.group.generation,
        });
        self.out.set_timer(self.sync_key(), deadline, input);
    }

    fn next_generation(&mut self, phase: Phase) {
        let group = &mut self.group;
        group.generation = group.generation.checked_add(1).unwrap_or(0);
        group.protocol = group.select_protocol();
        group.subscribed_topics = group.read_subscribed_topics();
        group.pending_syncs.clear();
        self.enter(phase);
    }

    pub(super) fn enter(&mut self, phase: Phase) {
        self.group.phase = phase;
        self.group.phase_since_ms = Some(self.now.0);
    }

    /// What a member is told of this generation. Only the leader needs to know the others.
    pub(super) fn joined(&self, member_id: &str) -> Joined {
        let group = &self.group;
        let members = if group.is_leader(member_id) {
            self.joined_members()
        } else {
            Vec::new()
        };
        Joined {
            member_id: member_id.to_owned(),
            generation: group.generation,
            protocol_type: group.protocol_type.clone(),
            protocol: group.protocol.clone(),
            leader: group.leader.clone().unwrap_or_default(),
            members,
            skip_assignment: false,
        }
    }

    fn joined_members(&self) -> Vec<JoinedMember> {
        let protocol = self.group.protocol.as_deref().unwrap_or_default();
        let members = self.group.members.iter();
        let members = members.map(|(member_id, member)| JoinedMember {
            member_id: member_id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata(protocol),
        });
        members.collect()
    }

    /// The assignments are void; who waits for one is told the error.
    pub(super) fn take_back_assignments(&mut self, error: ErrorCode) {
        for member in self.group.members.values_mut() {
            member.assignment = Bytes::new();
        }
        self.answer_syncs(Some(error));
    }

    /// Answers all who wait for their assignment.
    pub(super) fn answer_syncs(&mut self, error: Option<ErrorCode>) {
        let mut answered = Vec::new();
        for (member_id, member) in &mut self.group.members {
            if let Waiting::Sync(ticket) = member.waiting {
                member.waiting = Waiting::No;
                answered.push((member_id.clone(), ticket));
            }
        }
        for (member_id, ticket) in answered {
            let reply = match error {
                Some(error) => Err(error),
                None => Ok(self.synced(&member_id)),
            };
            self.out.reply_to(ticket, Reply::SyncGroup(reply));
            self.renew_session(&member_id);
        }
    }

    /// What a member was assigned.
    pub(super) fn synced(&self, member_id: &str) -> Synced {
        let member = self.group.members.get(member_id);
        Synced {
            protocol_type: self.group.protocol_type.clone(),
            protocol: self.group.protocol.clone(),
            assignment: member
                .map(|member| member.assignment.clone())
                .unwrap_or_default(),
        }
    }
}
