//! What is sent, and the topic that it goes to.

use clap::Args;
use ottla_client::admin::NewTopic;
use ottla_client::producer::{Acks, ProducerConfig};
use ottla_client::{Client, ClientError, IfMissing};
use ottla_protocol::ErrorCode;
use ottla_protocol::records::Compression;

use super::pace::parse_rate;
use crate::commands::produce::Codec;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::properties::{Property, parse_property};

/// The flags of what sends records.
#[derive(Args, Debug)]
pub(super) struct Load {
    /// The topic; made if it is not there
    #[arg(long, value_name = "TOPIC", default_value = "ottla-perf")]
    pub(super) topic: String,

    /// How many partitions the topic gets if it is made [default: the broker's]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// How many records are sent
    #[arg(short = 'n', long, value_name = "COUNT", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) records: u64,

    /// Bytes of each record's value
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) record_size: u32,

    /// Records a second, each due at its own time whatever became of those before; without it as fast as possible
    #[arg(short, long, value_name = "RECORDS/S", value_parser = parse_rate)]
    pub(super) rate: Option<f64>,

    /// Who must have a record before it counts: 0 nobody, 1 the leader, all the replicas in sync [default: all]
    #[arg(long, value_name = "0|1|all")]
    acks: Option<Acks>,

    /// How batches are packed [default: none]
    #[arg(short = 'z', long, value_name = "CODEC")]
    compression: Option<Codec>,

    /// The largest batch, in bytes [default: the producer's]
    #[arg(long, value_name = "BYTES")]
    batch_size: Option<u32>,

    /// How long a batch waits for more records, in milliseconds [default: the producer's]
    #[arg(long, value_name = "MS")]
    linger_ms: Option<u32>,

    /// A setting of the producer by Kafka's name; may be repeated, and flags win
    #[arg(short = 'X', long, value_name = "NAME=VALUE", value_parser = parse_property)]
    property: Vec<Property>,
}

impl Load {
    /// Connects, with the topic there, and the settings of the producer.
    pub(super) async fn prepare(
        &self,
        connect: &Connect,
    ) -> Result<(Client, ProducerConfig), Failure> {
        let mut config = ProducerConfig::default();
        let taker = &mut |name: &str, value: &str| config.set(name, value);
        let client = connect.client(&self.property, taker).await?;
        config.acks = self.acks.unwrap_or(config.acks);
        config.compression = self
            .compression
            .map_or(config.compression, Compression::from);
        for (name, number) in [
            ("batch.size", self.batch_size),
            ("linger.ms", self.linger_ms),
        ] {
            if let Some(number) = number {
                let set = config.set(name, &number.to_string());
                set.map_err(|error| Failure::Usage(error.to_string()))?;
            }
        }
        self.make_topic(&client).await?;
        Ok((client, config))
    }

    async fn make_topic(&self, client: &Client) -> Result<(), Failure> {
        let topic = NewTopic {
            name: self.topic.clone(),
            partitions: self.partitions,
            ..NewTopic::default()
        };
        let made = client.admin().create_topics(&[topic], false).await?;
        let made = made
            .into_iter()
            .next()
            .map_or(Ok(()), |made| made.map(drop));
        let is_there = |error: &ClientError| error.code() == Some(ErrorCode::TopicAlreadyExists);
        match made {
            Err(error) if is_there(&error) && self.partitions.is_some() => {
                eprintln!(
                    "topic {} is there already and keeps its partitions",
                    self.topic
                );
            }
            Err(error) if !is_there(&error) => return Err(error.into()),
            Ok(()) | Err(_) => {}
        }
        // Known to the client before the first record is timed.
        client.topic(&self.topic, IfMissing::Fail).await?;
        Ok(())
    }
}

/// Bytes that no codec makes much smaller and that are the same in each run.
pub(super) fn payload(bytes: usize) -> Vec<u8> {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut next = || {
        // A step of xorshift: good enough to look like noise.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..bytes).map(|_| next()).collect()
}
