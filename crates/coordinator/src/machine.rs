//! The group coordinator of one partition of `__consumer_offsets`: an input, a decision, records.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Offset, Outbox, StateMachine, Timestamp};

use crate::live::Live;
use crate::operations::{
    CommittedTopic, DeleteGroups, DeletedGroup, DescribeGroup, DescribedGroup, EndTransaction,
    FetchedTopic, Heartbeat, JoinGroup, JoinRefused, Joined, LeaveGroup, LeftMember, ListGroups,
    ListedGroup, OffsetCommit, OffsetDelete, OffsetFetch, SyncGroup, Synced, TopicResults,
    TopicsDeleted, Turn, expire_join, expire_offsets, expire_session, expire_sync,
    extend_initial_rebalance, set_retention_timer,
};
use crate::record::Record;
use crate::state::State;

/// The state machine of consumer groups and their offsets.
#[derive(Debug)]
pub enum Groups {}

/// What groups can be asked, and what their timers say.
#[derive(Clone, Debug)]
pub enum Input {
    /// A member wants to be in the next generation.
    JoinGroup(JoinGroup),
    /// A member wants its assignment.
    SyncGroup(SyncGroup),
    /// A member is there.
    Heartbeat(Heartbeat),
    /// Members leave.
    LeaveGroup(LeaveGroup),
    /// What is in a group.
    DescribeGroup(DescribeGroup),
    /// Which groups there are.
    ListGroups(ListGroups),
    /// Groups are deleted.
    DeleteGroups(DeleteGroups),
    /// Offsets are committed.
    OffsetCommit(OffsetCommit),
    /// A transaction that has offsets here, or may have, ends.
    EndTransaction(EndTransaction),
    /// Offsets are asked for.
    OffsetFetch(OffsetFetch),
    /// Offsets are deleted.
    OffsetDelete(OffsetDelete),
    /// Topics are gone.
    TopicsDeleted(TopicsDeleted),
    /// A timer of this machine fired. Nobody else sends this.
    Timer(Timer),
}

/// What a timer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A member was silent for its session timeout, or did not come with the id that it was given.
    Session {
        /// Of which group.
        group_id: String,
        /// Who.
        member_id: String,
    },
    /// The join phase took its time.
    Join {
        /// Of which group.
        group_id: String,
    },
    /// The join phase of a group that was empty took a delay.
    InitialJoin {
        /// Of which group.
        group_id: String,
        /// How long that was.
        delay_ms: i64,
        /// How long it may still be extended.
        remaining_ms: i64,
    },
    /// The sync phase took its time.
    Sync {
        /// Of which group.
        group_id: String,
        /// Of which generation.
        generation: i32,
    },
    /// Time to look for offsets that expired.
    Retention,
}

/// Names a timer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerKey {
    /// The session of a member, or of one that is to come.
    Session {
        /// Of which group.
        group_id: String,
        /// Whose.
        member_id: String,
    },
    /// The join phase of a group.
    Join {
        /// Which.
        group_id: String,
    },
    /// The sync phase of a group.
    Sync {
        /// Which.
        group_id: String,
    },
    /// The next look for offsets that expired.
    Retention,
}

/// The answer to the input of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The generation that the member is in; may come much later.
    JoinGroup(Result<Joined, JoinRefused>),
    /// What the member was assigned; may come much later.
    SyncGroup(Result<Synced, ErrorCode>),
    /// Whether all is as the member thinks.
    Heartbeat(Result<(), ErrorCode>),
    /// What became of each member, in the order of the request.
    LeaveGroup(Result<Vec<LeftMember>, ErrorCode>),
    /// The group.
    DescribeGroup(Result<DescribedGroup, ErrorCode>),
    /// The groups, by name.
    ListGroups(Vec<ListedGroup>),
    /// What became of each group, in the order of the request.
    DeleteGroups(Vec<DeletedGroup>),
    /// What became of each offset, in the order of the request.
    OffsetCommit(Result<Vec<CommittedTopic>, ErrorCode>),
    /// Whether the end stands in the log.
    EndTransaction(Result<(), ErrorCode>),
    /// The offsets, in the order of the request, or all.
    OffsetFetch(Result<Vec<FetchedTopic>, ErrorCode>),
    /// What became of each offset, in the order of the request.
    OffsetDelete(Result<Vec<TopicResults>, ErrorCode>),
    /// The offsets are gone.
    TopicsDeleted {
        /// Whether all of them are. If not, more than a batch was there to write: ask again.
        complete: bool,
    },
}

impl StateMachine for Groups {
    type Hard = State;
    type Soft = Live;
    type Input = Input;
    type Record = Record;
    type Reply = Reply;
    type TimerKey = TimerKey;

    /// Every member that the log knows gets a fresh session. A group that is larger than it may be
    /// (the setting changed) rebalances, which leaves the last to join outside.
    fn start(hard: &State, now: Timestamp, out: &mut Outbox<Self>) -> Live {
        let mut live = Live::default();
        let with_members = hard.groups().filter(|(_, group)| {
            group
                .metadata()
                .is_some_and(|value| !value.members.is_empty())
        });
        for (group_id, _) in with_members {
            let turn = Turn::take(hard, &mut live, group_id, now, out);
            let mut turn = turn.expect("it is in the state");
            turn.begin_to_lead();
            turn.put(&mut live);
        }
        set_retention_timer(now, hard.config().offsets_retention_check_interval_ms, out);
        live
    }

    fn step(hard: &State, live: &mut Live, now: Timestamp, input: Input, out: &mut Outbox<Self>) {
        match input {
            Input::JoinGroup(join) => join.decide(hard, live, now, out),
            Input::SyncGroup(sync) => sync.decide(hard, live, now, out),
            Input::Heartbeat(heartbeat) => heartbeat.decide(hard, live, now, out),
            Input::LeaveGroup(leave) => leave.decide(hard, live, now, out),
            Input::DescribeGroup(describe) => {
                out.reply(Reply::DescribeGroup(describe.decide(hard, live)));
            }
            Input::ListGroups(list) => out.reply(Reply::ListGroups(list.decide(hard, live))),
            Input::DeleteGroups(delete) => delete.decide(hard, live, now, out),
            Input::OffsetCommit(commit) => commit.decide(hard, live, now, out),
            Input::EndTransaction(end) => end.decide(hard, out),
            Input::OffsetFetch(fetch) => out.reply(Reply::OffsetFetch(fetch.decide(hard))),
            Input::OffsetDelete(delete) => delete.decide(hard, live, out),
            Input::TopicsDeleted(deleted) => deleted.decide(hard, out),
            Input::Timer(Timer::Retention) => expire_offsets(hard, live, now, out),
            Input::Timer(timer) => fire(timer, hard, live, now, out),
        }
    }

    fn apply(hard: &mut State, at: Offset, record: &Record) {
        hard.apply(at, record);
    }

    fn size_bytes(record: &Record) -> usize {
        record.size_bytes_max()
    }
}

/// What the timer of one group says. If the group is gone, nobody wants to know.
fn fire(timer: Timer, hard: &State, live: &mut Live, now: Timestamp, out: &mut Outbox<Groups>) {
    let group_id = match &timer {
        Timer::Session { group_id, .. }
        | Timer::Join { group_id }
        | Timer::InitialJoin { group_id, .. }
        | Timer::Sync { group_id, .. } => group_id,
        Timer::Retention => return,
    };
    let Some(mut turn) = Turn::take(hard, live, group_id, now, out) else {
        return;
    };
    match &timer {
        Timer::Session { member_id, .. } => expire_session(&mut turn, member_id),
        Timer::Join { .. } => expire_join(&mut turn),
        Timer::InitialJoin {
            delay_ms,
            remaining_ms,
            ..
        } => extend_initial_rebalance(&mut turn, *delay_ms, *remaining_ms),
        Timer::Sync { generation, .. } => expire_sync(&mut turn, *generation),
        Timer::Retention => {}
    }
    turn.put(live);
}
