//! A hot partition with three replicas, whose segments end hundreds of times while retention deletes the old ones,
//! under consumers and followers, one of which sleeps so long that what it has is deleted meanwhile. Consumers get what
//! there is, in order; no broker holds more files, mappings or memory at the end than after the first segments. Run by
//! hand, not by CI.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool talks to its terminal"
)]

mod readers;
mod writer;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use ottla_client::Client;
use ottla_tests::client::{connect_to, create_topic};
use ottla_tests::process::{Held, Usage, kill_all_on_panic};
use ottla_tests::{Broker, Cluster, Settings, wait};
use tokio::task::block_in_place;
use tokio::time::sleep;

use readers::Readers;
use writer::Writer;

/// A hot partition whose segments end and are deleted all the time.
#[derive(Parser)]
struct Options {
    /// How often a segment ends
    #[arg(long, default_value_t = 500)]
    rolls: u32,
}

const TOPIC: &str = "rolls";
const SEGMENT_BYTES: u64 = 1 << 20;
const KEPT_BYTES: u64 = 8 << 20;
const BROKERS: usize = 3;
/// Between two looks at what brokers hold.
const ROLLS_PER_LOOK: u32 = 50;
/// Before the first look: threads are started and buffers are grown by then.
const FIRST_LOOK: u32 = 2 * ROLLS_PER_LOOK;
/// Deleted files are closed by then.
const REST: Duration = Duration::from_secs(3);
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// What may come and go, of files and of mappings: connections and their buffers. A leak of one for each segment is
/// several times more.
const SLACK: usize = 60;
const SLACK_BYTES: u64 = 24 << 20;

/// What a broker holds.
struct Look {
    held: Held,
    usage: Usage,
}

fn main() -> ExitCode {
    kill_all_on_panic();
    match prove(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn prove(options: &Options) -> Result<(), String> {
    let settings = Settings::default()
        .with("default.replication.factor", "3")
        .with("log.retention.check.interval.ms", "50");
    let mut cluster = Cluster::start(BROKERS, settings)?;
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(roll(&mut cluster, options.rolls))
}

async fn roll(cluster: &mut Cluster, rolls: u32) -> Result<(), String> {
    let client = connect_to(&cluster.bootstrap()).await;
    let configs = [
        ("segment.bytes", SEGMENT_BYTES.to_string()),
        ("retention.bytes", KEPT_BYTES.to_string()),
        ("file.delete.delay.ms", "500".to_owned()),
    ];
    let configs = configs
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    create_topic(&client, TOPIC, 1, &configs).await;
    let readers = Readers::start(&client, TOPIC);
    let mut writer = Writer::new(&client, TOPIC);
    writer.write(FIRST_LOOK).await;
    let first = look(cluster, FIRST_LOOK).await?;
    let mut last = Vec::new();
    let mut done = FIRST_LOOK;
    while done < rolls {
        let is_halfway = done <= rolls / 2 && rolls / 2 < done + ROLLS_PER_LOOK;
        let sleeper = if is_halfway {
            Some(follower(&client).await?)
        } else {
            None
        };
        if let Some(index) = sleeper {
            cluster.brokers()[index].pause();
        }
        writer.write(ROLLS_PER_LOOK).await;
        done += ROLLS_PER_LOOK;
        if let Some(index) = sleeper {
            cluster.brokers()[index].unpause();
            println!(
                "broker {} slept through {ROLLS_PER_LOOK} segments",
                index + 1
            );
        }
        last = look(cluster, done).await?;
    }
    println!("{}", readers.end().await);
    Client::close(&client);
    judge(&first, &last)
}

/// Who does not lead, as an index.
async fn follower(client: &Client) -> Result<usize, String> {
    let topic = client.admin().describe_topic(TOPIC).await;
    let topic = topic.map_err(|error| error.to_string())?;
    let leader = topic.partitions[0].leader.ok_or("no leader")?;
    let leader = usize::try_from(leader.0).map_err(|error| error.to_string())?;
    Ok(leader % BROKERS)
}

/// What each broker holds once retention has deleted all that it may.
async fn look(cluster: &mut Cluster, rolls: u32) -> Result<Vec<Look>, String> {
    let most = KEPT_BYTES + 3 * SEGMENT_BYTES;
    for broker in cluster.brokers() {
        let settled = || (log_bytes(broker) <= most).then_some(());
        block_in_place(|| wait::poll(SETTLED_WITHIN, settled))
            .ok_or_else(|| format!("{} bytes are left of {most}", log_bytes(broker)))?;
    }
    sleep(REST).await;
    let mut looks = Vec::new();
    for (number, broker) in (1..).zip(cluster.brokers()) {
        let look = Look {
            held: broker.held()?,
            usage: broker.usage()?,
        };
        println!(
            "after {rolls} segments broker {number} holds {} files, {} mappings ({} of deleted files), {} MiB of its own",
            look.held.files,
            look.held.maps,
            look.held.maps_of_deleted,
            look.usage.anonymous_bytes >> 20
        );
        looks.push(look);
    }
    Ok(looks)
}

/// How long the partition's log files are.
fn log_bytes(broker: &Broker) -> u64 {
    let files = std::fs::read_dir(broker.partition_folder(TOPIC, 0));
    let files = files.into_iter().flatten().flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|it| it == "log"));
    logs.map(|log| log.metadata().map_or(0, |it| it.len()))
        .sum()
}

fn judge(first: &[Look], last: &[Look]) -> Result<(), String> {
    for (number, (first, last)) in (1..).zip(first.iter().zip(last)) {
        let grown = |what: &str| Err(format!("broker {number} holds more {what} than before"));
        if last.held.files > first.held.files + SLACK {
            return grown("files");
        }
        if last.held.maps > first.held.maps + SLACK {
            return grown("mappings");
        }
        if last.held.maps_of_deleted > first.held.maps_of_deleted.max(SLACK) {
            return grown("mappings of deleted files");
        }
        if last.usage.anonymous_bytes > first.usage.anonymous_bytes + SLACK_BYTES {
            return grown("memory");
        }
    }
    Ok(())
}
