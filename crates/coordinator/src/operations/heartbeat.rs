//! Heartbeat: a member is still there, and learns whether to join again.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, LiveGroup, Phase};
use crate::machine::{Groups, Reply};
use crate::state::State;

/// A member's sign of life.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    /// Which group.
    pub group_id: String,
    /// The generation that it is in.
    pub generation: i32,
    /// Who is there.
    pub member_id: String,
    /// Its own name, if it is a static member.
    pub instance_id: Option<String>,
}

impl Heartbeat {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        if self.group_id.is_empty() {
            return out.reply(Reply::Heartbeat(Err(ErrorCode::InvalidGroupId)));
        }
        let Some(mut turn) = Turn::take(hard, live, &self.group_id, now, out) else {
            return out.reply(Reply::Heartbeat(Err(ErrorCode::UnknownMemberId)));
        };
        let reply = self.check(&turn.group).and_then(|()| {
            turn.renew_session(&self.member_id);
            match turn.group.phase {
                Phase::PreparingRebalance { .. } => Err(ErrorCode::RebalanceInProgress),
                Phase::Empty | Phase::CompletingRebalance | Phase::Stable => Ok(()),
            }
        });
        turn.out.reply(Reply::Heartbeat(reply));
        turn.put(live);
    }

    fn check(&self, group: &LiveGroup) -> Result<(), ErrorCode> {
        group.validate_member(&self.member_id, self.instance_id.as_deref())?;
        if self.generation == group.generation {
            Ok(())
        } else {
            Err(ErrorCode::IllegalGeneration)
        }
    }
}
