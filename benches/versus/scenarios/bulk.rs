//! As much as goes in and out.

use std::time::Duration;

use ottla_client::Client;
use ottla_protocol::records::Compression;

use super::{TOPIC, WARM_UP, add_latencies, mib};
use crate::brokers::{Brokers, Watched};
use crate::figures::{Figure, Turn, less, more};
use crate::load::bulk::{Bulk, Sent};
use crate::load::reading::read_all;
use crate::load::topics::create;

pub(crate) const LZ4: Compression = Compression::Lz4;
pub(crate) const ZSTD: Compression = Compression::Zstd;

const PRODUCE_SPEED: Figure = more("produce, MiB/s");
const PRODUCE_RECORDS: Figure = more("produce, records/s");
const PRODUCE_CPU: Figure = less("produce, CPU s/GiB");
const RECORD_CPU: Figure = less("produce, CPU s per million records");
const CONSUME_SPEED: Figure = more("consume, MiB/s");
const CONSUME_CPU: Figure = less("consume, CPU s/GiB");
const LOADED: Figure = less("memory after it, resident, MiB");
const LOADED_ANONYMOUS: Figure = less("memory after it, no file's, MiB");

/// For a JVM to compile its code.
const WARM_UP_PART: f64 = 0.5;
const NO_CONFIGS: &[(&str, &str)] = &[];

/// 1 KiB records.
pub(crate) async fn kibibytes(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk::of_gib(2.0);
    let client = brokers.connect().await;
    let mut turn = Turn::new();
    let (sent, watched) = warmed_up(brokers, &client, load, NO_CONFIGS).await?;
    turn.push((PRODUCE_SPEED, mib(sent.bytes) / sent.took.as_secs_f64()));
    turn.push((PRODUCE_CPU, cpu_per_gib(&watched, sent.bytes)));
    consume(brokers, &client, load, &mut turn).await?;
    let after = brokers.usage()?;
    turn.push((LOADED, mib(after.resident_bytes)));
    turn.push((LOADED_ANONYMOUS, mib(after.anonymous_bytes)));
    Client::close(&client);
    Ok(turn)
}

/// 100 B records.
pub(crate) async fn tiny(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk {
        record_bytes: 100,
        records: 6_000_000,
        ..Bulk::of_gib(0.0)
    };
    let client = brokers.connect().await;
    let mut turn = Turn::new();
    let (sent, watched) = warmed_up(brokers, &client, load, NO_CONFIGS).await?;
    add_record_figures(&mut turn, &sent, &watched);
    consume(brokers, &client, load, &mut turn).await?;
    Client::close(&client);
    Ok(turn)
}

/// 1 KiB records, packed. A GiB is one before it was packed.
pub(crate) async fn packed(brokers: &Brokers, compression: Compression) -> Result<Turn, String> {
    let load = Bulk {
        compression,
        ..Bulk::of_gib(1.0)
    };
    let client = brokers.connect().await;
    let mut turn = Turn::new();
    let (sent, watched) = warmed_up(brokers, &client, load, NO_CONFIGS).await?;
    turn.push((PRODUCE_SPEED, mib(sent.bytes) / sent.took.as_secs_f64()));
    turn.push((PRODUCE_CPU, cpu_per_gib(&watched, sent.bytes)));
    Client::close(&client);
    Ok(turn)
}

/// 1 KiB records to one partition with small segments.
pub(crate) async fn rolls(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk {
        partitions: 1,
        ..Bulk::of_gib(500.0 / 1024.0)
    };
    let client = brokers.connect().await;
    let configs = [("segment.bytes", "1048576"), ("retention.bytes", "8388608")];
    let (mut sent, watched) = warmed_up(brokers, &client, load, &configs).await?;
    let mut turn = Turn::new();
    turn.push((PRODUCE_SPEED, mib(sent.bytes) / sent.took.as_secs_f64()));
    turn.push((PRODUCE_CPU, cpu_per_gib(&watched, sent.bytes)));
    add_latencies(&mut turn, &mut sent.latencies);
    Client::close(&client);
    Ok(turn)
}

/// 1 KiB records to three brokers.
pub(crate) async fn replicated(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk::of_gib(1.0);
    let client = brokers.connect().await;
    let mut turn = Turn::new();
    let (mut sent, watched) = warmed_up(brokers, &client, load, NO_CONFIGS).await?;
    turn.push((PRODUCE_SPEED, mib(sent.bytes) / sent.took.as_secs_f64()));
    turn.push((
        PRODUCE_RECORDS,
        sent.records as f64 / sent.took.as_secs_f64(),
    ));
    turn.push((PRODUCE_CPU, cpu_per_gib(&watched, sent.bytes)));
    add_latencies(&mut turn, &mut sent.latencies);
    consume(brokers, &client, load, &mut turn).await?;
    Client::close(&client);
    Ok(turn)
}

/// 100 B records to so many partitions that each gets little at once.
pub(crate) async fn many_partitions(brokers: &Brokers) -> Result<Turn, String> {
    let load = Bulk {
        partitions: 1_000,
        record_bytes: 100,
        records: 500_000,
        ..Bulk::of_gib(0.0)
    };
    let client = brokers.connect().await;
    let mut turn = Turn::new();
    let (mut sent, watched) = warmed_up(brokers, &client, load, NO_CONFIGS).await?;
    add_record_figures(&mut turn, &sent, &watched);
    add_latencies(&mut turn, &mut sent.latencies);
    Client::close(&client);
    Ok(turn)
}

/// The load, after some of the same. Watched until all brokers have it.
async fn warmed_up(
    brokers: &Brokers,
    client: &Client,
    load: Bulk,
    configs: &[(&str, &str)],
) -> Result<(Sent, Watched), String> {
    for topic in [WARM_UP, TOPIC] {
        create(client, topic, load.partitions, configs).await;
    }
    send(brokers, client, WARM_UP, load.part(WARM_UP_PART)).await?;
    if load.compression == Compression::None {
        read_all(client, WARM_UP, load.partitions).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    brokers.watch(send(brokers, client, TOPIC, load)).await
}

async fn send(brokers: &Brokers, client: &Client, topic: &str, load: Bulk) -> Result<Sent, String> {
    let sent = load.send(client, topic).await;
    if brokers.all().len() > 1 {
        brokers.wait_until_all_hold(topic, load.partitions, sent.bytes)?;
    }
    Ok(sent)
}

async fn consume(
    brokers: &Brokers,
    client: &Client,
    load: Bulk,
    turn: &mut Turn,
) -> Result<(), String> {
    let reading = async { Ok(read_all(client, TOPIC, load.partitions).await) };
    let (bytes, watched) = brokers.watch(reading).await?;
    turn.push((CONSUME_SPEED, mib(bytes) / watched.took.as_secs_f64()));
    turn.push((CONSUME_CPU, cpu_per_gib(&watched, bytes)));
    Ok(())
}

fn add_record_figures(turn: &mut Turn, sent: &Sent, watched: &Watched) {
    let records = sent.records as f64;
    turn.push((PRODUCE_RECORDS, records / sent.took.as_secs_f64()));
    turn.push((RECORD_CPU, watched.cpu.as_secs_f64() * 1e6 / records));
}

fn cpu_per_gib(watched: &Watched, bytes: u64) -> f64 {
    watched.cpu.as_secs_f64() / (mib(bytes) / 1024.0)
}
