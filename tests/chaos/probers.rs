//! Who asks for the latest offsets, of any broker, whether or not it should know: an answer without an
//! error has to be right, also from one that led a while ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ottla_client::{Address, Client, ClientError};
use ottla_platform::seed::{Random, mix};
use ottla_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use ottla_protocol::messages::{
    BrokerId, ListOffsetsRequest, StrBytes, TopicName, list_offsets_request,
};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fault::BROKERS;
use crate::history::{Event, Partition, question};
use crate::record::Record;
use crate::topics;

/// How often a broker is asked, at most; half as often on average. Once in a while it rests longer.
const PACE_MS: u64 = 60;
/// As ListOffsets has it: the latest offset.
const LATEST: i64 = -1;
/// And no epoch of a leader.
const NO_EPOCH: i32 = -1;

/// One for each broker.
pub(crate) struct Probers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Probers {
    /// Starts asking.
    pub(crate) fn start(
        client: &Client,
        brokers: &[Address],
        seed: u64,
        record: &Record,
    ) -> Probers {
        let (stop, stopped) = watch::channel(false);
        let next_question = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for (place, broker) in brokers.iter().enumerate() {
            let prober = Prober {
                client: client.with_own_connections(),
                broker: broker.clone(),
                place,
                random: Random::new(mix(seed ^ mix(place as u64 + 100))),
                next_question: Arc::clone(&next_question),
                record: record.clone(),
            };
            tasks.spawn(prober.run(stopped.clone()));
        }
        Probers { stop, tasks }
    }

    /// Stops asking.
    pub(crate) async fn finish(self) {
        self.stop.send_replace(true);
        self.tasks.join_all().await;
    }
}

struct Prober {
    client: Client,
    broker: Address,
    /// The broker's.
    place: usize,
    random: Random,
    next_question: Arc<AtomicU64>,
    record: Record,
}

impl Prober {
    async fn run(mut self, stopped: watch::Receiver<bool>) {
        while !*stopped.borrow() {
            let rest = Duration::from_millis(self.random.below(PACE_MS));
            tokio::time::sleep(rest).await;
            self.ask().await;
        }
    }

    async fn ask(&mut self) {
        let place = self.random.below(topics::all().len() as u64);
        let partition = Partition(u16::try_from(place).expect("there are few partitions"));
        let number = self.next_question.fetch_add(1, Ordering::Relaxed);
        let question = question(number, self.place, BROKERS);
        self.record.see(Event::Asked {
            partition,
            question,
        });
        if let Ok(Some(offset)) = self.latest(partition).await {
            self.record.see(Event::Told {
                partition,
                question,
                offset,
            });
        }
    }

    /// The answer; `None` if it is an error.
    async fn latest(&self, partition: Partition) -> Result<Option<i64>, ClientError> {
        let named = &topics::all()[partition.index()];
        let asked = ListOffsetsPartition::default()
            .with_partition_index(named.partition)
            .with_current_leader_epoch(NO_EPOCH)
            .with_timestamp(LATEST);
        let name = TopicName(StrBytes::from_string(named.topic.to_string()));
        let topic = ListOffsetsTopic::default()
            .with_name(name)
            .with_partitions(vec![asked]);
        let request = list_offsets_request::ListOffsetsRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_topics(vec![topic])
            .with_timeout_ms(1_000);
        let request = ListOffsetsRequest::from(request);
        let connection = self.client.connection_at(&self.broker).await?;
        let answer = connection.call(&request).await;
        let answer = answer.map_err(|error| ClientError::Connection {
            broker: self.broker.clone(),
            error,
        })?;
        let told = answer
            .topics
            .first()
            .and_then(|topic| topic.partitions.first());
        Ok(told
            .filter(|told| told.error_code == 0)
            .map(|told| told.offset))
    }
}
