//! A coordinator on the rig, and clients that speak to it, for the tests of the operations: every
//! record goes through its bytes, and after every step the log must fold to the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use ottla_protocol::ErrorCode;
use ottla_protocol::types::TopicId;
use ottla_statemachine::rig::{Outcome, Rig};
use ottla_statemachine::{BatchLimits, Limits};
use uuid::Uuid;

use crate::config::GroupConfig;
use crate::machine::{Groups, Input, Reply};
use crate::operations::*;
use crate::record::{self, Record};
use crate::state::State;

pub(crate) const GROUP: &str = "g";
pub(crate) const SESSION_MS: i32 = 10_000;
pub(crate) const REBALANCE_MS: i32 = 60_000;
pub(crate) const INITIAL_DELAY_MS: i64 = 3_000;

/// What a record becomes on its way through the disk.
pub(crate) fn persist(record: &Record) -> Record {
    if let Record::EndOfTransaction { .. } = record {
        return record.clone();
    }
    let encoded = record::encode(record);
    let decoded = record::decode(&encoded.key, encoded.value.as_deref());
    let decoded = decoded.unwrap().unwrap();
    match record {
        Record::TransactionalOffset { producer, .. } => record::in_transaction(decoded, *producer),
        _ => decoded,
    }
}

/// A coordinator and the answers that it gave.
pub(crate) struct Bench {
    pub(crate) rig: Rig<Groups>,
    answers: BTreeMap<u64, Outcome<Reply>>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(GroupConfig::default())
    }

    pub(crate) fn with(config: GroupConfig) -> Self {
        Self::with_limits(config, Limits::default())
    }

    /// Batches of one step hold no more than so many records.
    pub(crate) fn with_records_max(records_max: usize) -> Self {
        let batch = BatchLimits {
            records_max,
            ..Limits::default().batch
        };
        let limits = Limits {
            batch,
            ..Limits::default()
        };
        Self::with_limits(GroupConfig::default(), limits)
    }

    pub(crate) fn with_limits(config: GroupConfig, limits: Limits) -> Self {
        Self {
            rig: Rig::new(State::new(Arc::new(config)), limits, persist),
            answers: BTreeMap::new(),
        }
    }

    pub(crate) fn send(&mut self, input: Input) -> u64 {
        self.rig.input(input)
    }

    /// What an asker was told, if anything, once all is committed.
    pub(crate) fn told(&mut self, asker: u64) -> Option<Reply> {
        self.rig.commit_all();
        let answers = self.rig.take_answers().into_iter();
        self.answers
            .extend(answers.map(|answer| (answer.asker, answer.outcome)));
        match self.answers.get(&asker) {
            Some(Outcome::Reply(reply)) => Some(reply.clone()),
            _ => None,
        }
    }

    #[track_caller]
    pub(crate) fn ask(&mut self, input: Input) -> Reply {
        let asker = self.send(input);
        self.told(asker).expect("an answer")
    }

    pub(crate) fn advance_ms(&mut self, duration_ms: i64) {
        self.rig.advance_ms(duration_ms);
    }

    /// A new leader takes over; nothing that was committed is lost.
    pub(crate) fn fail_over(&mut self) {
        self.rig.commit_all();
        self.rig.lose_leader(0);
    }

    pub(crate) fn records(&self) -> usize {
        self.rig.records().len()
    }

    #[track_caller]
    pub(crate) fn last_record(&self) -> Record {
        self.rig.records().last().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn joined(&mut self, asker: u64) -> Joined {
        match self.told(asker) {
            Some(Reply::JoinGroup(Ok(joined))) => joined,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, asker: u64) -> JoinRefused {
        match self.told(asker) {
            Some(Reply::JoinGroup(Err(refused))) => refused,
            other => panic!("{other:?}"),
        }
    }

    /// Whether an asker still waits.
    pub(crate) fn waits(&mut self, asker: u64) -> bool {
        self.told(asker).is_none()
    }

    #[track_caller]
    pub(crate) fn ask_join(&mut self, join: JoinGroup) -> Result<Joined, JoinRefused> {
        match self.ask(Input::JoinGroup(join)) {
            Reply::JoinGroup(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    /// Gets a member id, as a dynamic member must first.
    #[track_caller]
    pub(crate) fn member_id(&mut self, join: &JoinGroup) -> String {
        let refused = self.ask_join(join.clone()).unwrap_err();
        assert_eq!(refused.error, ErrorCode::MemberIdRequired);
        refused.member_id
    }

    /// Joins as a new dynamic member: the id, and the asker that waits.
    #[track_caller]
    pub(crate) fn join_new(&mut self) -> (String, u64) {
        let member_id = self.member_id(&join());
        let asker = self.send(Input::JoinGroup(rejoin(&member_id)));
        (member_id, asker)
    }

    #[track_caller]
    pub(crate) fn ask_sync(&mut self, sync: SyncGroup) -> Result<Synced, ErrorCode> {
        match self.ask(Input::SyncGroup(sync)) {
            Reply::SyncGroup(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn synced(&mut self, asker: u64) -> Result<Synced, ErrorCode> {
        match self.told(asker) {
            Some(Reply::SyncGroup(reply)) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn heartbeat(&mut self, member_id: &str, generation: i32) -> Result<(), ErrorCode> {
        let heartbeat = Heartbeat {
            group_id: GROUP.into(),
            generation,
            member_id: member_id.into(),
            instance_id: None,
        };
        match self.ask(Input::Heartbeat(heartbeat)) {
            Reply::Heartbeat(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn leave(&mut self, members: &[(&str, Option<&str>)]) -> Vec<ErrorCode> {
        let members = members
            .iter()
            .map(|(member_id, instance_id)| LeavingMember {
                member_id: (*member_id).into(),
                instance_id: instance_id.map(str::to_owned),
            });
        let leave = LeaveGroup {
            group_id: GROUP.into(),
            members: members.collect(),
        };
        match self.ask(Input::LeaveGroup(leave)) {
            Reply::LeaveGroup(Ok(left)) => left.into_iter().map(|member| member.error).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn describe(&mut self) -> Result<DescribedGroup, ErrorCode> {
        let describe = DescribeGroup {
            group_id: GROUP.into(),
        };
        match self.ask(Input::DescribeGroup(describe)) {
            Reply::DescribeGroup(reply) => reply,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    pub(crate) fn state(&mut self) -> &'static str {
        self.describe().map_or("Dead", |group| group.state)
    }

    #[track_caller]
    pub(crate) fn commit(&mut self, commit: OffsetCommit) -> Result<Vec<ErrorCode>, ErrorCode> {
        match self.ask(Input::OffsetCommit(commit)) {
            Reply::OffsetCommit(reply) => reply.map(|topics| {
                let partitions = topics.into_iter().flat_map(|topic| topic.partitions);
                partitions.map(|partition| partition.error).collect()
            }),
            other => panic!("{other:?}"),
        }
    }

    /// The offset of one partition of "t"; −1 if there is none.
    #[track_caller]
    pub(crate) fn offset(&mut self, partition: i32) -> i64 {
        let fetch = fetch(Some(vec![FetchTopic {
            name: "t".into(),
            topic_id: TopicId::ZERO,
            partitions: vec![partition],
        }]));
        match self.ask(Input::OffsetFetch(fetch)) {
            Reply::OffsetFetch(Ok(topics)) => topics[0].partitions[0].offset,
            other => panic!("{other:?}"),
        }
    }

    /// A stable group of dynamic members, the leader first; the n-th has the assignment [n].
    #[track_caller]
    pub(crate) fn stable(&mut self, count: u8) -> (Vec<String>, i32) {
        let waiting: Vec<(String, u64)> = (0..count).map(|_| self.join_new()).collect();
        self.advance_ms(INITIAL_DELAY_MS);
        self.advance_ms(INITIAL_DELAY_MS);
        let joined: Vec<Joined> = waiting
            .iter()
            .map(|(_, asker)| self.joined(*asker))
            .collect();
        let generation = joined[0].generation;
        let leader = joined[0].leader.clone();
        let mut member_ids: Vec<String> = waiting.into_iter().map(|(id, _)| id).collect();
        member_ids.sort_by_key(|id| *id != leader);
        self.sync_all(&member_ids, generation);
        (member_ids, generation)
    }

    /// The leader, who stands first, assigns; the others ask for it.
    #[track_caller]
    pub(crate) fn sync_all(&mut self, member_ids: &[String], generation: i32) {
        let assignments = (0u8..).zip(member_ids);
        let assignments = assignments
            .map(|(part, id)| (id.as_str(), vec![part]))
            .collect();
        let mut leaders = sync(&member_ids[0], generation);
        leaders.assignments = assign(assignments);
        self.ask_sync(leaders).unwrap();
        for (part, member_id) in (0u8..).zip(member_ids).skip(1) {
            let synced = self.ask_sync(sync(member_id, generation)).unwrap();
            assert_eq!(synced.assignment, vec![part]);
        }
    }
}

/// A subscription as consumers encode it.
pub(crate) fn subscription(topics: &[&str]) -> Bytes {
    let mut bytes = vec![0, 1, 0, 0, 0, u8::try_from(topics.len()).unwrap()];
    for topic in topics {
        bytes.extend([0, u8::try_from(topic.len()).unwrap()]);
        bytes.extend(topic.bytes());
    }
    bytes.extend([0xff; 4]);
    bytes.extend([0; 4]);
    bytes.into()
}

pub(crate) fn protocol(name: &str) -> Protocol {
    Protocol {
        name: name.into(),
        metadata: subscription(&["t"]),
    }
}

/// A new consumer of the topic "t".
pub(crate) fn join() -> JoinGroup {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    JoinGroup {
        version: 9,
        group_id: GROUP.into(),
        member_id: String::new(),
        instance_id: None,
        client_id: "client".into(),
        client_host: "/127.0.0.1".into(),
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        protocol_type: "consumer".into(),
        protocols: vec![protocol("range")],
        member_uuid: Uuid::from_u64_pair(0, NEXT.fetch_add(1, Ordering::Relaxed)),
    }
}

pub(crate) fn rejoin(member_id: &str) -> JoinGroup {
    JoinGroup {
        member_id: member_id.into(),
        ..join()
    }
}

pub(crate) fn join_static(instance_id: &str) -> JoinGroup {
    JoinGroup {
        instance_id: Some(instance_id.into()),
        ..join()
    }
}

pub(crate) fn sync(member_id: &str, generation: i32) -> SyncGroup {
    SyncGroup {
        group_id: GROUP.into(),
        generation,
        member_id: member_id.into(),
        instance_id: None,
        protocol_type: Some("consumer".into()),
        protocol: Some("range".into()),
        assignments: Vec::new(),
    }
}

pub(crate) fn assign(parts: Vec<(&str, Vec<u8>)>) -> Vec<MemberAssignment> {
    let parts = parts.into_iter();
    parts
        .map(|(member_id, assignment)| MemberAssignment {
            member_id: member_id.into(),
            assignment: assignment.into(),
        })
        .collect()
}

/// A commit of a consumer without a group: partition 0 of "t" at this offset.
pub(crate) fn commit(offset: i64) -> OffsetCommit {
    OffsetCommit {
        version: 9,
        group_id: GROUP.into(),
        generation: -1,
        member_id: String::new(),
        instance_id: None,
        transaction: None,
        retention_time_ms: -1,
        topics: vec![CommitTopic {
            name: "t".into(),
            topic_id: TopicId::ZERO,
            partitions: vec![CommitPartition {
                partition: 0,
                offset,
                leader_epoch: -1,
                metadata: None,
            }],
        }],
    }
}

pub(crate) fn commit_as(member_id: &str, generation: i32, offset: i64) -> OffsetCommit {
    OffsetCommit {
        generation,
        member_id: member_id.into(),
        ..commit(offset)
    }
}

/// A commit of that many partitions of "t".
pub(crate) fn commit_many(count: i32) -> OffsetCommit {
    let mut many = commit(7);
    let first = many.topics[0].partitions[0].clone();
    many.topics[0].partitions = (0..count)
        .map(|partition| CommitPartition {
            partition,
            ..first.clone()
        })
        .collect();
    many
}

pub(crate) fn fetch(topics: Option<Vec<FetchTopic>>) -> OffsetFetch {
    OffsetFetch {
        group_id: GROUP.into(),
        member_id: None,
        member_epoch: -1,
        require_stable: true,
        topics,
    }
}
