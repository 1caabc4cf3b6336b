//! One contender's turn: two fresh brokers, one for the load and one for many topics.

use std::time::{Duration, Instant};

use ottla_client::Client;
use ottla_tests::client::connect;
use ottla_tests::process::Usage;
use ottla_tests::{Broker, Settings};

use crate::contender::Contender;
use crate::figures::{Metric, Turn};
use crate::{Options, load};

/// How long a broker may come to rest before it is watched.
const SETTLE: Duration = Duration::from_secs(5);

/// Takes all figures of one turn.
pub(crate) fn one_turn(contender: Contender, options: &Options) -> Result<Turn, String> {
    let runtime = tokio::runtime::Runtime::new()
        .map_err(|error| format!("cannot start a runtime: {error}"))?;
    runtime.block_on(async {
        let mut turn = Turn::new();
        under_load(contender, options, &mut turn).await?;
        with_many_topics(contender, options, &mut turn).await?;
        Ok(turn)
    })
}

async fn under_load(
    contender: Contender,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let broker = start(contender, options)?;
    turn.insert(Metric::StartSeconds, broker.start_took().as_secs_f64());
    let (idle, idle_cpu_percent) = watch_idle(&broker, options).await?;
    turn.insert(Metric::IdleResidentMib, mib(idle.resident_bytes));
    turn.insert(Metric::IdleAnonymousMib, mib(idle.anonymous_bytes));
    turn.insert(Metric::IdleCpuPercent, idle_cpu_percent);

    let client = connect(&broker).await;
    load::produce(&client, "warm-up", options.warmup_gib, options).await;
    load::consume(&client, "warm-up", options).await;

    let produce = || load::produce(&client, "measured", options.gib, options);
    let produced = measured(&broker, produce).await?;
    turn.insert(Metric::ProduceMibPerSecond, produced.mib_per_second);
    turn.insert(
        Metric::ProduceCpuSecondsPerGib,
        produced.cpu_seconds_per_gib,
    );

    let consume = || load::consume(&client, "measured", options);
    let consumed = measured(&broker, consume).await?;
    turn.insert(Metric::ConsumeMibPerSecond, consumed.mib_per_second);
    turn.insert(
        Metric::ConsumeCpuSecondsPerGib,
        consumed.cpu_seconds_per_gib,
    );
    let loaded = broker.usage()?;
    turn.insert(Metric::LoadedAnonymousMib, mib(loaded.anonymous_bytes));
    Client::close(&client);
    Ok(())
}

async fn with_many_topics(
    contender: Contender,
    options: &Options,
    turn: &mut Turn,
) -> Result<(), String> {
    let broker = start(contender, options)?;
    let client = connect(&broker).await;
    let begun = Instant::now();
    load::create_topics(&client, options.topics).await;
    turn.insert(Metric::TopicsSeconds, begun.elapsed().as_secs_f64());
    Client::close(&client);
    let (idle, idle_cpu_percent) = watch_idle(&broker, options).await?;
    turn.insert(Metric::TopicsIdleCpuPercent, idle_cpu_percent);
    turn.insert(Metric::TopicsResidentMib, mib(idle.resident_bytes));
    turn.insert(Metric::TopicsAnonymousMib, mib(idle.anonymous_bytes));
    Ok(())
}

fn start(contender: Contender, options: &Options) -> Result<Broker, String> {
    let settings = Settings {
        inside: options.folder.clone(),
        ..contender.settings()
    };
    Broker::start(contender.kind(), settings)
}

/// What the broker uses when nobody asks it for anything.
async fn watch_idle(broker: &Broker, options: &Options) -> Result<(Usage, f64), String> {
    tokio::time::sleep(SETTLE).await;
    let watched = Duration::from_secs(options.idle_seconds);
    let before = broker.usage()?;
    tokio::time::sleep(watched).await;
    let after = broker.usage()?;
    let cpu = after.cpu.saturating_sub(before.cpu);
    Ok((after, 100.0 * cpu.as_secs_f64() / watched.as_secs_f64()))
}

/// What moving some bytes cost.
struct Moved {
    mib_per_second: f64,
    cpu_seconds_per_gib: f64,
}

/// Measures a part of the load that returns how many bytes it moved.
async fn measured<F: Future<Output = u64>>(
    broker: &Broker,
    part: impl FnOnce() -> F,
) -> Result<Moved, String> {
    let (before, begun) = (broker.usage()?, Instant::now());
    let bytes = part().await;
    let (after, elapsed) = (broker.usage()?, begun.elapsed());
    let cpu = after.cpu.saturating_sub(before.cpu);
    Ok(Moved {
        mib_per_second: mib(bytes) / elapsed.as_secs_f64(),
        cpu_seconds_per_gib: cpu.as_secs_f64() / (mib(bytes) / 1024.0),
    })
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
