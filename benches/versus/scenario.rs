//! What is measured: scenarios, each with brokers of its own that were started for it.

use std::time::Duration;

use clap::ValueEnum;

use crate::brokers::Brokers;
use crate::figures::Turn;
use crate::scenarios::{bulk, cleaning, cold, deaths, idle, paced, transactions};

/// One of them. Its order is that of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Scenario {
    /// From the start of the program to the first answer, and what it uses before anybody asks for anything
    Start,
    /// 1 KiB records in batches of 64 KiB to six partitions, and all of them read again
    Bulk,
    /// 100 B records in batches of 64 KiB to six partitions, and all of them read again
    Tiny,
    /// 1 KiB records of text in batches packed with lz4
    Lz4,
    /// 1 KiB records of text in batches packed with zstd
    Zstd,
    /// One record a request, five requests under way
    Single,
    /// One record a request, 5,000 a second, whether the broker is fast or not
    Paced,
    /// 1,000 records a second, from when each was to be sent to when a consumer has it
    EndToEnd,
    /// Four producers that commit every 100 records of 1 KiB; latencies are those of commits
    Transactions,
    /// The same, each producer 40 times a second
    TransactionsPaced,
    /// 1,000 topics of one partition
    Topics,
    /// 1,000 connections that ask for nothing, and 10,000
    Connections,
    /// A paced producer, alone and while a consumer reads what no memory holds
    ColdReads,
    /// 500 segments of 1 MiB, of which all but the last 8 MiB may be deleted
    Rolls,
    /// 1 GiB of 1 KiB records with 100,000 keys, compacted
    Cleaning,
    /// Three brokers, each with a replica of everything: 1 KiB records in batches of 64 KiB
    ClusterBulk,
    /// Three brokers: one record a request, 3,000 a second
    ClusterPaced,
    /// Three brokers: 1,000 records a second from producer to consumer
    ClusterEndToEnd,
    /// Three brokers: 100 B records to 1,000 partitions
    ClusterPartitions,
    /// Three brokers: the leader is killed, or stopped by SIGSTOP
    ClusterDeaths,
}

impl Scenario {
    /// What the table calls it.
    pub(crate) fn title(self) -> String {
        let value = self.to_possible_value().expect("none is hidden");
        let name = value.get_name().to_owned();
        let help = value.get_help().map(ToString::to_string);
        format!("{name}: {}", help.unwrap_or_default())
    }

    /// How many brokers it takes.
    pub(crate) fn brokers(self) -> usize {
        match self {
            Scenario::ClusterBulk
            | Scenario::ClusterPaced
            | Scenario::ClusterEndToEnd
            | Scenario::ClusterPartitions
            | Scenario::ClusterDeaths => 3,
            _ => 1,
        }
    }

    /// What its brokers are told beside what their contender is.
    pub(crate) fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Scenario::Cleaning => cleaning::SETTINGS,
            _ => &[],
        }
    }

    /// Takes its figures with fresh brokers.
    pub(crate) async fn measure(self, brokers: &mut Brokers) -> Result<Turn, String> {
        match self {
            Scenario::Start => idle::start(brokers).await,
            Scenario::Bulk => bulk::kibibytes(brokers).await,
            Scenario::Tiny => bulk::tiny(brokers).await,
            Scenario::Lz4 => bulk::packed(brokers, bulk::LZ4).await,
            Scenario::Zstd => bulk::packed(brokers, bulk::ZSTD).await,
            Scenario::Single => paced::single(brokers).await,
            Scenario::Paced => paced::paced(brokers, 5_000).await,
            Scenario::EndToEnd | Scenario::ClusterEndToEnd => paced::end_to_end(brokers).await,
            Scenario::Transactions => transactions::measure(brokers, None).await,
            Scenario::TransactionsPaced => {
                transactions::measure(brokers, Some(Duration::from_millis(25))).await
            }
            Scenario::Topics => idle::topics(brokers).await,
            Scenario::Connections => idle::connections(brokers).await,
            Scenario::ColdReads => cold::measure(brokers).await,
            Scenario::Cleaning => cleaning::measure(brokers).await,
            Scenario::Rolls => bulk::rolls(brokers).await,
            Scenario::ClusterBulk => bulk::replicated(brokers).await,
            Scenario::ClusterPaced => paced::paced(brokers, 3_000).await,
            Scenario::ClusterPartitions => bulk::many_partitions(brokers).await,
            Scenario::ClusterDeaths => deaths::measure(brokers).await,
        }
    }
}
