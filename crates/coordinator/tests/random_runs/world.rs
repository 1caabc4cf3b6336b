//! Clients, a coordinator, and trouble.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_coordinator::config::GroupConfig;
use ottla_coordinator::live::Phase;
use ottla_coordinator::machine::{Groups, Input};
use ottla_coordinator::operations::{
    CommitPartition, CommitTopic, DeleteGroups, DeletedTopic, DescribeGroup, EndTransaction,
    JoinGroup, LeaveGroup, LeavingMember, ListGroups, OffsetCommit, OffsetDelete, OffsetFetch,
    SyncGroup, TopicPartitions, TopicsDeleted,
};
use ottla_coordinator::record::{self, Record, TransactionalProducer};
use ottla_coordinator::state::State;
use ottla_protocol::types::TopicId;
use ottla_statemachine::Limits;
use ottla_statemachine::rig::{Outcome, Random, Rig};

use super::client::{Client, Next, REBALANCE_MS, SESSION_MS};
use super::invariants;

const GROUPS: [&str; 2] = ["g", "h"];
/// What it takes a group to forget all that went wrong: a member without an answer, a rebalance
/// without it, a member without a heartbeat, and once more.
const CALM_S: i32 = 300 + 2 * (REBALANCE_MS + SESSION_MS) / 1000 + 60;

pub(crate) struct World {
    pub(crate) rig: Rig<Groups>,
    clients: Vec<Client>,
    askers: BTreeMap<u64, usize>,
}

fn persist(record: &Record) -> Record {
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

impl World {
    pub(crate) fn new() -> Self {
        let config = GroupConfig {
            offsets_retention_ms: 60_000,
            offsets_retention_check_interval_ms: 7_000,
            ..GroupConfig::default()
        };
        let clients = (0..6).map(|index: usize| {
            let instance_id = index.is_multiple_of(3).then(|| format!("i{index}"));
            let version = if index == 1 { 3 } else { 9 };
            Client::new(GROUPS[index % 2], instance_id, version)
        });
        Self {
            rig: Rig::new(State::new(Arc::new(config)), Limits::default(), persist),
            clients: clients.collect(),
            askers: BTreeMap::new(),
        }
    }

    /// Everything at once.
    pub(crate) fn trouble(&mut self, random: &mut Random, steps: u64) {
        for _ in 0..steps {
            match random.below(40) {
                0..16 => {
                    let index = random.below(self.clients.len());
                    self.act(index, random);
                }
                16..24 => {
                    let input = self.any_input(random);
                    self.rig.input(input);
                }
                24..33 => self.rig.commit(1 + random.below(3)),
                33..37 => self
                    .rig
                    .advance_ms(i64::try_from(random.below(8_000)).unwrap()),
                37 => self.rig.lose_leader(random.below(3)),
                38 => {
                    let index = random.below(self.clients.len());
                    self.clients[index].reconnect();
                }
                _ => {
                    // It starts anew and does not know who it was.
                    let client = random.below(self.clients.len());
                    let client = &mut self.clients[client];
                    *client =
                        Client::new(&client.group_id, client.instance_id.clone(), client.version);
                }
            }
            self.hear();
        }
    }

    /// Nothing but clients that do what they should.
    pub(crate) fn calm(&mut self, random: &mut Random) {
        for _ in 0..CALM_S {
            for index in 0..self.clients.len() {
                for _ in 0..3 {
                    self.act(index, random);
                    self.rig.commit_all();
                    self.hear();
                }
            }
            self.rig.advance_ms(1_000);
            self.rig.commit_all();
            self.hear();
        }
    }

    pub(crate) fn assert_at_rest(&self) {
        for group_id in GROUPS {
            let group = self.rig.runner().soft().group(group_id).unwrap();
            assert_eq!(group.phase, Phase::Stable, "{group_id} is stuck: {group:?}");
            let of_group = self
                .clients
                .iter()
                .filter(|client| client.group_id == group_id);
            assert_eq!(group.members.len(), of_group.clone().count());
            for client in of_group {
                assert_eq!(client.next, Next::Heartbeat, "{client:?}");
                assert_eq!(client.generation, group.generation);
                assert!(group.members.contains_key(&client.member_id));
            }
            let logged = self.rig.hard().group(group_id).unwrap().metadata().unwrap();
            assert_eq!(logged.generation, group.generation);
        }
        assert_eq!(self.rig.runner().pending(), 0, "someone waits for ever");
    }

    fn act(&mut self, index: usize, random: &mut Random) {
        let client = &mut self.clients[index];
        let Some(input) = client.request(random) else {
            return;
        };
        let asker = self.rig.input(input);
        client.next = Next::Wait;
        client.asker = Some(asker);
        self.askers.insert(asker, index);
    }

    /// Gives the answers to who still waits for them, and looks whether all is well.
    fn hear(&mut self) {
        for answer in self.rig.take_answers() {
            let Some(index) = self.askers.remove(&answer.asker) else {
                continue;
            };
            let client = &mut self.clients[index];
            if client.asker != Some(answer.asker) {
                continue;
            }
            match answer.outcome {
                Outcome::Reply(reply) => client.answer(reply),
                Outcome::Lost | Outcome::Busy => client.reconnect(),
            }
        }
        invariants::check(self.rig.hard(), self.rig.runner().soft());
    }

    /// What clients do not do by themselves, and operators do.
    fn any_input(&self, random: &mut Random) -> Input {
        let client = random.pick(&self.clients).clone();
        let group_id = (*random.pick(&GROUPS)).to_owned();
        match random.below(16) {
            0 => Input::DescribeGroup(DescribeGroup { group_id }),
            1 => Input::ListGroups(ListGroups::default()),
            2 => Input::DeleteGroups(DeleteGroups {
                group_ids: vec![group_id],
            }),
            3 => Input::OffsetFetch(OffsetFetch {
                group_id,
                member_id: None,
                member_epoch: -1,
                require_stable: true,
                topics: None,
            }),
            4 => Input::OffsetDelete(OffsetDelete {
                group_id,
                topics: vec![partitions_of("t")],
            }),
            5 => {
                let topic_id = TopicId::ZERO;
                let topics = vec![DeletedTopic {
                    name: "u".to_owned(),
                    topic_id,
                }];
                Input::TopicsDeleted(TopicsDeleted { topics })
            }
            6 => Input::LeaveGroup(LeaveGroup {
                group_id: client.group_id,
                members: vec![LeavingMember {
                    member_id: client.member_id,
                    instance_id: client.instance_id,
                }],
            }),
            // Someone with another's names, or who never comes back.
            7 => Input::JoinGroup(passer_by(&group_id, 9, random)),
            8 => Input::JoinGroup(passer_by(&group_id, 3, random)),
            9 => Input::JoinGroup(client.join(random)),
            10 => Input::SyncGroup(SyncGroup {
                group_id: client.group_id,
                generation: client.generation,
                member_id: client.member_id,
                instance_id: None,
                protocol_type: None,
                protocol: None,
                assignments: Vec::new(),
            }),
            11 => Input::OffsetCommit(commit(&Client::new(&group_id, None, 9), random)),
            12 => Input::OffsetCommit(OffsetCommit {
                transaction: Some(producer(random)),
                ..commit(&Client::new(&group_id, None, 9), random)
            }),
            13 => {
                let TransactionalProducer { id, epoch } = producer(random);
                Input::EndTransaction(EndTransaction {
                    producer_id: id,
                    producer_epoch: epoch,
                    coordinator_epoch: i32::try_from(random.below(2)).unwrap(),
                    commits: random.once_in(2),
                    epoch_per_transaction: random.once_in(2),
                })
            }
            _ => Input::OffsetCommit(commit(&client, random)),
        }
    }
}

fn passer_by(group_id: &str, version: i16, random: &mut Random) -> JoinGroup {
    let rebalance_timeout_ms = *random.pick(&[-1, 0, 1, REBALANCE_MS]);
    JoinGroup {
        rebalance_timeout_ms,
        ..Client::new(group_id, None, version).join(random)
    }
}

/// One of two, in one of three epochs.
fn producer(random: &mut Random) -> TransactionalProducer {
    TransactionalProducer {
        id: i64::try_from(random.below(2)).unwrap(),
        epoch: i16::try_from(random.below(3)).unwrap(),
    }
}

fn partitions_of(name: &str) -> TopicPartitions {
    TopicPartitions {
        name: name.to_owned(),
        partitions: vec![0, 1],
    }
}

fn commit(client: &Client, random: &mut Random) -> OffsetCommit {
    let partitions = (0..1 + random.below(3)).map(|partition| CommitPartition {
        partition: i32::try_from(partition).unwrap(),
        offset: i64::try_from(random.below(1_000)).unwrap(),
        leader_epoch: i32::try_from(random.below(3)).unwrap() - 1,
        metadata: random.once_in(2).then(|| "m".repeat(random.below(4_500))),
    });
    let partitions = partitions.collect();
    OffsetCommit {
        version: 9,
        group_id: client.group_id.clone(),
        generation: client.generation,
        member_id: client.member_id.clone(),
        instance_id: client.instance_id.clone(),
        transaction: None,
        retention_time_ms: if random.once_in(3) { 5_000 } else { -1 },
        topics: vec![CommitTopic {
            name: (*random.pick(&["t", "u"])).to_owned(),
            topic_id: TopicId::ZERO,
            partitions,
        }],
    }
}
