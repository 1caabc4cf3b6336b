//! Moves money: each transaction writes what is taken to one account and what is given to the other, or is aborted.

use std::time::Duration;

use ottla_client::Client;
use ottla_platform::sim::chance;
use tokio::time::sleep;

use super::super::begin::in_the_end;
use super::super::reach::{REST, connect};
use super::accounts::{ACCOUNTS, BANK, create};
use super::transaction::{Ended, Failed, Level, Producer};
use crate::history::{self, Event, Value, first_value};
use crate::world::shared::{Phase, Shared};

/// Longest pause between two transactions.
const PAUSE_MS_MAX: u64 = 300;
/// Longest time that a request is on its way.
const LATE_MS_MAX: u64 = 4_000;
/// Values of bankers are none of writers.
const NUMBERS_FROM: history::Client = 1_000;

/// Moves money until nothing is broken any more, and once then.
pub(in crate::world) async fn transfer(shared: Shared, number: history::Client) -> turmoil::Result {
    let client = connect(&shared).await;
    create(&client, BANK, ACCOUNTS, shared.replication_factor()).await;
    let mut banker = Banker {
        client,
        level: match chance(|random| random.chance(1, 3)) {
            true => Level::One,
            false => Level::Two,
        },
        number,
        next: first_value(NUMBERS_FROM + number),
        producer: None,
        shared,
    };
    while banker.shared.phase() != Phase::Healed {
        banker.move_some().await;
        sleep(Duration::from_millis(chance(|it| it.below(PAUSE_MS_MAX)))).await;
    }
    let shared = banker.shared.clone();
    let last = async {
        while banker.move_some().await != Some(true) {
            sleep(REST).await;
        }
    };
    in_the_end(&shared, "a transaction is committed", last).await;
    shared.banker_is_done();
    Ok(())
}

struct Banker {
    client: Client,
    level: Level,
    number: history::Client,
    next: Value,
    producer: Option<Producer>,
    shared: Shared,
}

impl Banker {
    /// One transaction; whether it is known to be committed, if it is known.
    async fn move_some(&mut self) -> Option<bool> {
        let mut producer = match self.producer.take() {
            Some(producer) => producer,
            None => {
                let id = format!("banker{}", self.number);
                Producer::begin(&self.client, &id, self.level).await?
            }
        };
        let transaction = self.next;
        self.next += 1;
        self.shared.saw(Event::Begins { transaction });
        let written = self.write(&mut producer, transaction).await;
        let commits = written.is_ok() && chance(|random| random.chance(4, 5));
        // An end that is lost on its way, as it seems, is sent again.
        let late = match chance(|random| random.chance(1, 3)) {
            true => producer.late(commits).await,
            false => None,
        };
        // It may die in between; whoever is there next fences it.
        if chance(|random| random.chance(1, 15)) {
            return None;
        }
        let ended = producer.end(commits).await?;
        if ended == Ended::Refused {
            return None;
        }
        self.shared.saw(Event::Ends {
            transaction,
            commits,
        });
        if let Some(late) = late {
            tokio::spawn(async move {
                let late_ms = chance(|random| random.below(LATE_MS_MAX));
                sleep(Duration::from_millis(late_ms)).await;
                late.arrive().await;
            });
        }
        if written.is_ok() {
            self.producer = Some(producer);
        }
        Some(commits)
    }

    async fn write(&self, producer: &mut Producer, transaction: Value) -> Result<(), Failed> {
        let amount = chance(|random| random.below(100));
        producer
            .write(BANK, 0, &format!("{transaction}:-{amount}"))
            .await?;
        producer
            .write(BANK, 1, &format!("{transaction}:{amount}"))
            .await
    }
}
