//! Producers, a coordinator, whoever writes markers, and trouble.

use std::collections::BTreeMap;

use ottla_protocol::ErrorCode;
use ottla_statemachine::Limits;
use ottla_statemachine::rig::{Outcome, Random, Rig};
use ottla_transactions::config::TransactionConfig;
use ottla_transactions::machine::{Input, Reply, Transactions};
use ottla_transactions::operations::{
    AddPartitions, Completed, Decided, EndTransaction, InitProducerId, ListTransactions, Producer,
    Refused, VerifyPartitions,
};
use ottla_transactions::record::{Record, decode, encode};
use ottla_transactions::state::State;

use super::promises::Promises;

const IDS: [&str; 3] = ["a", "b", "c"];
const TIMEOUT_MS: i32 = 20_000;

/// A client with a transactional id; several may have the same.
#[derive(Clone, Debug)]
struct Client {
    id: &'static str,
    /// Who it believes to be.
    producer: Option<Producer>,
    /// The level of `transaction.version` that it speaks.
    version: i16,
}

/// Who asked, and what for.
#[derive(Clone, Debug)]
enum Asked {
    Client(usize, Input),
    Taker,
    Nobody,
}

pub(crate) struct World {
    pub(crate) rig: Rig<Transactions>,
    promises: Promises,
    clients: Vec<Client>,
    asked: BTreeMap<u64, Asked>,
    /// Taken, and not yet marked.
    to_mark: Vec<Decided>,
    takes: bool,
    fresh: i64,
    version: i16,
}

fn persist(record: &Record) -> Record {
    let encoded = encode(record);
    decode(&encoded.key, encoded.value.as_deref())
        .unwrap()
        .unwrap()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let config = TransactionConfig {
            id_expiration_ms: 120_000,
            expiry_interval_ms: 17_000,
            abort_interval_ms: 5_000,
            ..TransactionConfig::default()
        };
        // The cluster's level; clients speak it or an older one.
        let version = if seed.is_multiple_of(3) { 1 } else { 2 };
        let clients = (0..6).map(|index: usize| Client {
            id: IDS[index % IDS.len()],
            producer: None,
            version: if index.is_multiple_of(2) { version } else { 0 },
        });
        Self {
            rig: Rig::new(State::new(config), Limits::default(), persist),
            promises: Promises::default(),
            clients: clients.collect(),
            asked: BTreeMap::new(),
            to_mark: Vec::new(),
            takes: false,
            fresh: 100,
            version,
        }
    }

    /// Everything at once.
    pub(crate) fn trouble(&mut self, random: &mut Random, steps: u64) {
        for _ in 0..steps {
            match random.below(40) {
                0..18 => {
                    let index = random.below(self.clients.len());
                    self.act(index, random);
                }
                18..21 => self.take(),
                21..24 => self.mark(random),
                24..33 => self.rig.commit(1 + random.below(3)),
                33..37 => {
                    let passed = random.below(9_000);
                    self.rig.advance_ms(i64::try_from(passed).unwrap());
                }
                37 => {
                    self.rig.lose_leader(random.below(3));
                    // Whoever wrote markers for the old leader may go on for a while.
                    self.takes = false;
                    if random.once_in(2) {
                        self.to_mark.clear();
                    }
                }
                _ => {
                    // It starts anew and does not know who it was.
                    let index = random.below(self.clients.len());
                    self.clients[index].producer = None;
                }
            }
            self.hear();
        }
    }

    /// Nobody begins anything; markers are written.
    pub(crate) fn calm(&mut self, random: &mut Random) {
        for _ in 0..60 {
            self.take();
            self.rig.commit_all();
            self.hear();
            while !self.to_mark.is_empty() {
                self.mark(random);
            }
            self.rig.commit_all();
            self.hear();
            self.rig.advance_ms(1_000);
        }
        self.rig.commit_all();
        self.hear();
    }

    pub(crate) fn assert_at_rest(&self) {
        for (id, transaction) in self.rig.hard().iter() {
            assert!(
                transaction.phase.is_at_rest(),
                "{id} is stuck: {transaction:?}"
            );
        }
        // Whoever takes what is decided always waits.
        assert!(self.rig.runner().pending() <= 1, "someone waits for ever");
    }

    fn act(&mut self, index: usize, random: &mut Random) {
        let input = self.request(index, random);
        let asked = Asked::Client(index, input.clone());
        let asker = self.rig.input(input);
        self.asked.insert(asker, asked);
    }

    fn request(&mut self, index: usize, random: &mut Random) -> Input {
        let client = self.clients[index].clone();
        let transactional_id = client.id.to_owned();
        let Some(producer) = client.producer else {
            return self.init(&client, None);
        };
        match random.below(12) {
            0 => self.init(&client, Some(producer)),
            1..5 => Input::AddPartitions(AddPartitions {
                transactional_id,
                producer,
                partitions: some_partitions(random),
                client_version: client.version,
                server_version: self.version,
                waits: random.once_in(2),
                is_stale: random.once_in(10),
            }),
            5 => Input::VerifyPartitions(VerifyPartitions {
                transactional_id,
                producer,
                partitions: some_partitions(random),
                waits: random.once_in(2),
            }),
            6 => Input::List(ListTransactions::default()),
            7 => Input::Describe { transactional_id },
            _ => self.end(&client, producer, random.once_in(2), None),
        }
    }

    fn init(&mut self, client: &Client, expected: Option<Producer>) -> Input {
        Input::InitProducerId(InitProducerId {
            transactional_id: client.id.to_owned(),
            timeout_ms: TIMEOUT_MS,
            expected,
            fresh_producer_id: None,
            server_version: self.version,
        })
    }

    fn end(
        &self,
        client: &Client,
        producer: Producer,
        commits: bool,
        fresh_producer_id: Option<i64>,
    ) -> Input {
        Input::EndTransaction(EndTransaction {
            transactional_id: client.id.to_owned(),
            producer,
            commits,
            client_version: client.version,
            server_version: self.version,
            fresh_producer_id,
            is_stale: false,
        })
    }

    fn take(&mut self) {
        if !self.takes {
            let asker = self.rig.input(Input::TakeDecided);
            self.asked.insert(asker, Asked::Taker);
            self.takes = true;
        }
    }

    /// All markers of one transaction are written, which the coordinator may hear twice.
    fn mark(&mut self, random: &mut Random) {
        if self.to_mark.is_empty() {
            return;
        }
        let index = random.below(self.to_mark.len());
        let decided = match random.once_in(8) {
            true => self.to_mark[index].clone(),
            false => self.to_mark.swap_remove(index),
        };
        let completed = Completed {
            transactional_id: decided.transactional_id,
            producer: decided.producer,
            server_version: self.version,
        };
        let asker = self.rig.input(Input::Completed(completed));
        self.asked.insert(asker, Asked::Nobody);
    }

    /// Gives the answers to who asked, and looks whether all is well.
    fn hear(&mut self) {
        self.promises.look(self.rig.records());
        for answer in self.rig.take_answers() {
            let asked = self.asked.remove(&answer.asker);
            match (asked.unwrap_or(Asked::Nobody), answer.outcome) {
                (Asked::Client(index, input), Outcome::Reply(reply)) => {
                    self.told(index, input, reply);
                }
                (Asked::Taker, Outcome::Reply(Reply::TakeDecided(decided))) => {
                    self.takes = false;
                    assert!(!decided.is_empty());
                    let end = self.rig.runner().committed_end().0;
                    let committed = &self.rig.records()[..usize::try_from(end).unwrap()];
                    for one in decided {
                        self.promises.given(committed, &one);
                        self.to_mark.push(one);
                    }
                }
                (Asked::Taker, Outcome::Lost | Outcome::Busy) => self.takes = false,
                (Asked::Taker, other) => panic!("{other:?}"),
                (Asked::Client(..) | Asked::Nobody, _) => {}
            }
        }
    }

    fn told(&mut self, index: usize, input: Input, reply: Reply) {
        match reply {
            Reply::InitProducerId(Err(Refused::NeedsProducerId))
            | Reply::EndTransaction(Err(Refused::NeedsProducerId)) => {
                self.fresh += 1;
                let again = with_producer_id(input, self.fresh);
                let asker = self.rig.input(again.clone());
                self.asked.insert(asker, Asked::Client(index, again));
            }
            Reply::InitProducerId(Ok(producer)) => self.clients[index].producer = Some(producer),
            Reply::EndTransaction(Ok(producer)) if producer.id >= 0 => {
                self.clients[index].producer = Some(producer);
            }
            Reply::InitProducerId(Err(Refused::Error(error)))
            | Reply::EndTransaction(Err(Refused::Error(error))) => self.refused(index, error),
            Reply::AddPartitions(Err(error)) | Reply::VerifyPartitions(Err(error)) => {
                self.refused(index, error);
            }
            _ => {}
        }
    }

    fn refused(&mut self, index: usize, error: ErrorCode) {
        let expected = [
            ErrorCode::ConcurrentTransactions,
            ErrorCode::ProducerFenced,
            ErrorCode::InvalidProducerIdMapping,
            ErrorCode::InvalidTxnState,
            ErrorCode::NetworkException,
        ];
        assert!(expected.contains(&error), "{error:?}");
        if error == ErrorCode::ProducerFenced || error == ErrorCode::InvalidProducerIdMapping {
            self.clients[index].producer = None;
        }
    }
}

fn with_producer_id(input: Input, fresh: i64) -> Input {
    match input {
        Input::InitProducerId(init) => Input::InitProducerId(InitProducerId {
            fresh_producer_id: Some(fresh),
            ..init
        }),
        Input::EndTransaction(end) => Input::EndTransaction(EndTransaction {
            fresh_producer_id: Some(fresh),
            ..end
        }),
        other => other,
    }
}

fn some_partitions(random: &mut Random) -> Vec<(String, i32)> {
    let count = 1 + random.below(3);
    let partitions = (0..count).map(|_| {
        let topic = (*random.pick(&["t", "u"])).to_owned();
        (topic, i32::try_from(random.below(4)).unwrap())
    });
    partitions.collect()
}
