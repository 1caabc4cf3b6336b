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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::JoinGroup;
    use crate::testing::*;

    #[test]
    fn a_heartbeat_says_whether_all_is_as_the_member_thinks() {
        let mut bench = Bench::new();
        assert_eq!(bench.heartbeat("m", 0), Err(ErrorCode::UnknownMemberId));
        let (members, generation) = bench.stable(1);
        let member = members[0].as_str();
        assert_eq!(bench.heartbeat(member, generation), Ok(()));
        assert_eq!(
            bench.heartbeat(member, generation - 1),
            Err(ErrorCode::IllegalGeneration)
        );
        assert_eq!(
            bench.heartbeat("m", generation),
            Err(ErrorCode::UnknownMemberId)
        );
        let newcomer = JoinGroup {
            version: 3,
            ..join()
        };
        bench.send(Input::JoinGroup(newcomer));
        let told = bench.heartbeat(member, generation);
        assert_eq!(told, Err(ErrorCode::RebalanceInProgress));
        bench.send(Input::JoinGroup(rejoin(member)));
        assert_eq!(bench.state(), "CompletingRebalance");
        assert_eq!(bench.heartbeat(member, generation + 1), Ok(()));
    }

    #[test]
    fn names_are_checked() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        let ask = |group_id: &str, instance_id: Option<&str>| {
            Input::Heartbeat(Heartbeat {
                group_id: group_id.into(),
                generation,
                member_id: members[0].clone(),
                instance_id: instance_id.map(str::to_owned),
            })
        };
        let told = bench.ask(ask("", None));
        assert_eq!(told, Reply::Heartbeat(Err(ErrorCode::InvalidGroupId)));
        let told = bench.ask(ask(GROUP, Some("nobody")));
        assert_eq!(told, Reply::Heartbeat(Err(ErrorCode::UnknownMemberId)));
    }

    #[test]
    fn heartbeats_keep_a_member_and_silence_loses_it() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(2);
        for _ in 0..3 {
            bench.advance_ms(i64::from(SESSION_MS) - 1);
            assert_eq!(bench.heartbeat(&members[0], generation), Ok(()));
            let _ = bench.heartbeat(&members[1], generation);
        }
        bench.advance_ms(i64::from(SESSION_MS) - 1);
        let _ = bench.heartbeat(&members[0], generation);
        bench.advance_ms(1);
        let told = bench.heartbeat(&members[0], generation);
        assert_eq!(told, Err(ErrorCode::RebalanceInProgress));
        let told = bench.heartbeat(&members[1], generation);
        assert_eq!(told, Err(ErrorCode::UnknownMemberId));
    }

    #[test]
    fn a_new_leader_gives_every_member_a_fresh_session() {
        let mut bench = Bench::new();
        let (members, generation) = bench.stable(1);
        bench.advance_ms(i64::from(SESSION_MS) - 1);
        bench.fail_over();
        bench.advance_ms(i64::from(SESSION_MS) - 1);
        assert_eq!(bench.heartbeat(&members[0], generation), Ok(()));
        bench.fail_over();
        bench.advance_ms(i64::from(SESSION_MS));
        assert_eq!(bench.state(), "Empty");
    }
}
