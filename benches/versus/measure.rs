//! One contender's turn: two fresh brokers, one for the load and one for many topics; or several
//! for the load alone.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_tests::client::connect_to;
use ottla_tests::process::Usage;

use crate::brokers::Brokers;
use crate::contender::Contender;
use crate::figures::{Metric, Turn};
use crate::{Options, load};

/// How long a broker may come to rest before it is watched.
const SETTLE: Duration = Duration::from_secs(5);
/// What is filled and read before anything is measured.
const WARM_UP: &str = "warm-up";
/// What is filled and read while it is measured.
const TOPIC: &str = "measured";

/// Takes all figures of one turn.
pub(crate) fn one_turn(contender: Contender, options: &Options) -> Result<Turn, String> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(async {
        let mut turn = Turn::new();
        under_load(contender, options, &mut turn).await?;
        if !options.are_replicated() {
            with_many_topics(contender, options, &mut turn).await?;
        }
        Ok(turn)
    })
}

async fn under_load(
    contender: Contender,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let brokers = Brokers::start(contender, options)?;
    turn.insert(Metric::StartSeconds, brokers.start_took().as_secs_f64());
    if !options.are_replicated() {
        let (idle, idle_cpu_percent) = watch_idle(&brokers, options).await?;
        turn.insert(Metric::IdleResidentMib, mib(idle.resident_bytes));
        turn.insert(Metric::IdleAnonymousMib, mib(idle.anonymous_bytes));
        turn.insert(Metric::IdleCpuPercent, idle_cpu_percent);
    }

    let client = connect_to(&brokers.bootstrap()).await;
    let bytes = load::produce(&client, WARM_UP, options.warmup_gib, options).await;
    brokers.wait_until_all_hold(WARM_UP, bytes, options)?;
    load::consume(&client, WARM_UP, options).await;

    produce(&brokers, &client, options, turn).await?;
    consume(&brokers, &client, options, turn).await?;
    let loaded = brokers.usage()?;
    turn.insert(Metric::LoadedAnonymousMib, mib(loaded.anonymous_bytes));
    Client::close(&client);
    Ok(())
}

async fn produce(
    brokers: &Brokers,
    client: &Client,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let (before, begun) = (brokers.usage()?, Instant::now());
    let bytes = load::produce(client, TOPIC, options.gib, options).await;
    let acknowledged = begun.elapsed();
    brokers.wait_until_all_hold(TOPIC, bytes, options)?;
    let (after, replicated) = (brokers.usage()?, begun.elapsed());
    turn.insert(
        Metric::ProduceMibPerSecond,
        mib_per_second(bytes, acknowledged),
    );
    if options.are_replicated() {
        turn.insert(
            Metric::ReplicateMibPerSecond,
            mib_per_second(bytes, replicated),
        );
    }
    turn.insert(
        Metric::ProduceCpuSecondsPerGib,
        cpu_seconds_per_gib(before, after, bytes),
    );
    Ok(())
}

async fn consume(
    brokers: &Brokers,
    client: &Client,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let (before, begun) = (brokers.usage()?, Instant::now());
    let bytes = load::consume(client, TOPIC, options).await;
    let (after, elapsed) = (brokers.usage()?, begun.elapsed());
    turn.insert(Metric::ConsumeMibPerSecond, mib_per_second(bytes, elapsed));
    turn.insert(
        Metric::ConsumeCpuSecondsPerGib,
        cpu_seconds_per_gib(before, after, bytes),
    );
    Ok(())
}

async fn with_many_topics(
    contender: Contender,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let brokers = Brokers::start(contender, options)?;
    let client = connect_to(&brokers.bootstrap()).await;
    let begun = Instant::now();
    load::create_topics(&client, options.topics).await;
    turn.insert(Metric::TopicsSeconds, begun.elapsed().as_secs_f64());
    Client::close(&client);
    let (idle, idle_cpu_percent) = watch_idle(&brokers, options).await?;
    turn.insert(Metric::TopicsIdleCpuPercent, idle_cpu_percent);
    turn.insert(Metric::TopicsResidentMib, mib(idle.resident_bytes));
    turn.insert(Metric::TopicsAnonymousMib, mib(idle.anonymous_bytes));
    Ok(())
}

/// What the broker uses when nobody asks it for anything.
async fn watch_idle(brokers: &Brokers, options: &Options) -> Result<(Usage, f64), String> {
    tokio::time::sleep(SETTLE).await;
    let watched = Duration::from_secs(options.idle_seconds);
    let before = brokers.usage()?;
    tokio::time::sleep(watched).await;
    let after = brokers.usage()?;
    let cpu = after.cpu.saturating_sub(before.cpu);
    Ok((after, 100.0 * cpu.as_secs_f64() / watched.as_secs_f64()))
}

/// What moving so many bytes cost.
fn cpu_seconds_per_gib(before: Usage, after: Usage, bytes: u64) -> f64 {
    let cpu = after.cpu.saturating_sub(before.cpu);
    cpu.as_secs_f64() / (mib(bytes) / 1024.0)
}

fn mib_per_second(bytes: u64, elapsed: Duration) -> f64 {
    mib(bytes) / elapsed.as_secs_f64()
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
