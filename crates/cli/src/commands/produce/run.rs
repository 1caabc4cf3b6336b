//! The command.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ottla_client::producer::{Acks, Producer, ProducerConfig, ProducerRecord};
use ottla_protocol::records::Compression;
use tokio::sync::mpsc;

use super::deliveries::Deliveries;
use super::lines::{self, Pack};
use super::record::{LineFormat, parse_header, parse_separator};
use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::properties::{Property, parse_property};

/// Send lines of text as records
///
/// Each line of the file, or of standard input, becomes one record. Without a key records are spread over the
/// partitions; records with the same key go to the same partition. The first record that cannot be delivered ends
/// the command.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  echo 'hello' | ottla produce greetings
  ottla produce orders orders.csv --key-separator , --compression zstd
  printf 'a:1\\nb:NULL\\n' | ottla produce state --key-separator : --null NULL
  ottla produce audit --header source=cli --property linger.ms=50 < audit.log")]
pub(crate) struct Produce {
    /// The topic; the broker may create it
    #[arg(value_name = "TOPIC")]
    topic: String,

    /// Where the lines come from [default: standard input]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// Each line is a key, this text, and a value; \t is a tab
    #[arg(short, long, value_name = "TEXT", value_parser = parse_separator)]
    key_separator: Option<String>,

    /// A key or value that is this text is null
    #[arg(long, value_name = "TEXT")]
    null: Option<String>,

    /// A header for every record; may be repeated
    #[arg(short = 'H', long, value_name = "NAME=VALUE", value_parser = parse_header)]
    header: Vec<(String, String)>,

    /// The partition for all records
    #[arg(short, long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,

    /// Who must have a record before it counts as delivered: 0 nobody, 1 the leader, all the replicas in sync [default: all]
    #[arg(long, value_name = "0|1|all")]
    acks: Option<Acks>,

    /// How batches are packed [default: none]
    #[arg(short = 'z', long, value_name = "CODEC")]
    compression: Option<Codec>,

    /// A setting of the producer by Kafka's name, such as linger.ms=50; may be repeated
    #[arg(short = 'X', long, value_name = "NAME=VALUE", value_parser = parse_property)]
    property: Vec<Property>,

    /// Print a JSON object a record with its partition and offset
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// The codecs by their names.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Codec {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::None => Compression::None,
            Codec::Gzip => Compression::Gzip,
            Codec::Snappy => Compression::Snappy,
            Codec::Lz4 => Compression::Lz4,
            Codec::Zstd => Compression::Zstd,
        }
    }
}

impl Produce {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let mut config = ProducerConfig::default();
        let client = self
            .connect
            .client(&self.property, &mut |name, value| config.set(name, value))
            .await?;
        self.apply_flags(&mut config);
        let (packs, is_interactive) = self.open()?;
        let producer = Producer::new(&client, config);
        let mut deliveries = Deliveries::new(self.json.then(Output::new));
        let mut progress = Progress::start(is_interactive);
        let sent = self
            .send_all(packs, &producer, &mut deliveries, &mut progress)
            .await;
        // What was sent before a failure is still delivered and told of.
        let settled = match &sent {
            Ok(()) | Err(Failure::Failed(_)) => deliveries.settle(0).await,
            Err(_) => Ok(()),
        };
        progress.finish();
        // A record that could not be delivered says more than the failure to send those behind it.
        settled.and(sent)?;
        producer.close().await;
        tracing::debug!(records = deliveries.delivered(), "all delivered");
        Ok(())
    }

    fn apply_flags(&self, config: &mut ProducerConfig) {
        config.acks = self.acks.unwrap_or(config.acks);
        config.compression = self
            .compression
            .map_or(config.compression, Compression::from);
    }

    /// Starts reading the input. The second value tells whether a person types it.
    fn open(&self) -> Result<(mpsc::Receiver<io::Result<Pack>>, bool), Failure> {
        let Some(path) = &self.file else {
            let is_interactive = io::stdin().is_terminal();
            return Ok((lines::read(io::stdin()), is_interactive));
        };
        let file = File::open(path)
            .map_err(|error| Failure::Failed(format!("{}: {error}", path.display())))?;
        Ok((lines::read(file), false))
    }

    async fn send_all(
        &self,
        mut packs: mpsc::Receiver<io::Result<Pack>>,
        producer: &Producer,
        deliveries: &mut Deliveries,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let format = LineFormat {
            key_separator: self.key_separator.clone(),
            null: self.null.clone(),
        };
        let headers: Vec<(&str, Option<&[u8]>)> = self
            .header
            .iter()
            .map(|(name, value)| (name.as_str(), Some(value.as_bytes())))
            .collect();
        let mut number = 0u64;
        loop {
            let pack = match packs.try_recv() {
                Ok(pack) => pack,
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(()),
                Err(mpsc::error::TryRecvError::Empty) => {
                    match self.wait_for_pack(&mut packs, deliveries).await? {
                        Some(pack) => pack,
                        None => return Ok(()),
                    }
                }
            };
            let pack =
                pack.map_err(|error| Failure::Failed(format!("cannot read the input: {error}")))?;
            for line in pack.lines() {
                number += 1;
                let (key, value) = format
                    .split(line)
                    .map_err(|error| Failure::Failed(format!("line {number}: {error}")))?;
                let record = ProducerRecord {
                    topic: &self.topic,
                    partition: self.partition,
                    timestamp: None,
                    key,
                    value,
                    headers: &headers,
                };
                let delivery = producer.send(record).await;
                let delivery =
                    delivery.map_err(|error| Failure::Failed(format!("line {number}: {error}")))?;
                deliveries.push(delivery).await?;
                progress.add(line.len());
            }
        }
    }

    /// Waits for more input, and tells of deliveries meanwhile: a person who types wants to know of failures.
    async fn wait_for_pack(
        &self,
        packs: &mut mpsc::Receiver<io::Result<Pack>>,
        deliveries: &mut Deliveries,
    ) -> Result<Option<io::Result<Pack>>, Failure> {
        /// Input that pauses for less is not waited on by a person.
        const PAUSE: Duration = Duration::from_millis(50);
        match tokio::time::timeout(PAUSE, packs.recv()).await {
            Ok(pack) => Ok(pack),
            Err(_) => {
                deliveries.settle(0).await?;
                Ok(packs.recv().await)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        produce: Produce,
    }

    fn parse(line: &str) -> Result<Produce, clap::Error> {
        Line::try_parse_from(format!("produce {line}").split_whitespace()).map(|line| line.produce)
    }

    #[test]
    fn flags_win_over_settings() {
        let produce = parse("t --acks 1 -z lz4 -X linger.ms=50").unwrap();
        let mut config = ProducerConfig::default();
        config.set("acks", "all").unwrap();
        produce.apply_flags(&mut config);
        assert_eq!(
            (config.acks, config.compression),
            (Acks::Leader, Compression::Lz4)
        );
        assert_eq!(
            produce.property,
            [("linger.ms".to_owned(), "50".to_owned())]
        );
    }

    #[test]
    fn topic_file_headers_and_separators_are_taken() {
        let produce = parse("t in.txt -k : --null NULL -H a=1 --header b=2=3 -p 0").unwrap();
        assert_eq!(produce.file, Some(PathBuf::from("in.txt")));
        assert_eq!(
            produce.header,
            [
                ("a".to_owned(), "1".to_owned()),
                ("b".to_owned(), "2=3".to_owned())
            ]
        );
        assert_eq!(
            (produce.key_separator.as_deref(), produce.partition),
            (Some(":"), Some(0))
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in ["", "t -p -1", "t --acks 2", "t -z zip", "t -H a", "t -X a"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
