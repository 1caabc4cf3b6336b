//! A host with a node: the node that `ottla serve` runs, behind other doors.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ottla_broker::authorize::Gate;
use ottla_broker::config::{Config, Flags, Sources};
use ottla_broker::loggers::Loggers;
use ottla_broker::node::{Node, NodeOptions};
use ottla_platform::disk::Disk;
use ottla_platform::seed::Random;
use ottla_platform::sim::{SimClock, chance};
use tokio::time::sleep;

use super::nemesis::Handle;
use super::swarm::{Flush, Swarm};

/// How many there are.
pub(super) const BROKERS: i32 = 3;
/// Where a node's data is on its disk.
pub(super) const DATA: &str = "data";
/// Where clients are served.
pub(super) const CLIENT_PORT: u16 = 9092;
const PEER_PORT: u16 = 9093;

/// A broker's host.
pub(super) fn host(broker: i32) -> String {
    format!("b{broker}")
}

/// How often a broker that is not there yet looks whether it is.
const ABSENT_LOOK: Duration = Duration::from_millis(50);

/// Runs a node until it is told to stop. Nothing else may end it, or keep it from starting, but the
/// host's crash, and its disk.
pub(super) async fn serve(broker: i32, swarm: Swarm, handle: Handle) -> turmoil::Result {
    // A host comes up at the beginning of a step, so that its clock is right.
    sleep(Duration::from_millis(1)).await;
    while !handle.is_there.load(Ordering::Relaxed) {
        sleep(ABSENT_LOOK).await;
    }
    handle.conditions.hold_here();
    let ended = |reason: String| match handle.may_fail.load(Ordering::Relaxed) {
        true => {
            tracing::info!(broker, reason, "gave up");
            Ok(())
        }
        false => Err(format!("{} {reason}", host(broker)).into()),
    };
    let node = match Node::start(options(broker, &swarm, &handle)).await {
        Ok(node) => node,
        Err(error) if handle.may_not_start.load(Ordering::Relaxed) => {
            tracing::info!(broker, %error, "does not start");
            return Ok(());
        }
        Err(error) => return ended(format!("does not start: {error}")),
    };
    tracing::info!(broker, "serves");
    tokio::select! {
        reason = node.failed() => return ended(format!("failed: {reason}")),
        () = handle.stop.notified() => {}
    }
    match node.shutdown().await {
        Ok(()) => tracing::info!(broker, "stopped in order"),
        Err(error) => tracing::info!(broker, %error, "stopped, but not in order"),
    }
    Ok(())
}

/// Whom a broker is told of: all, where all are there from the beginning; else those who are, and
/// itself.
fn seeds(broker: i32, swarm: &Swarm) -> Vec<String> {
    let are_there = (1..=BROKERS).filter(|seed| *seed <= swarm.beginners || *seed == broker);
    are_there
        .map(|seed| format!("{}:{PEER_PORT}", host(seed)))
        .collect()
}

fn options(broker: i32, swarm: &Swarm, handle: &Handle) -> NodeOptions {
    let flush = match swarm.flush {
        Flush::Synced => "ottla.flush=fsync",
        Flush::Cached => "ottla.flush=async",
    };
    let flags = Flags {
        listen: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        advertise: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        data: Some(DATA.to_owned()),
        http: Some("none".to_owned()),
        peer_listen: Some(format!("{}:{PEER_PORT}", host(broker))),
        join: Some(seeds(broker, swarm).join(",")),
        set: vec![
            format!("node.id={broker}"),
            "offsets.topic.num.partitions=1".to_owned(),
            flush.to_owned(),
        ],
        ..Flags::default()
    };
    let sources = Sources {
        flags,
        environment: Vec::new(),
        file: None,
        host_name: host(broker),
    };
    let built = Config::build(sources).expect("these settings make sense");
    assert_eq!(built.config.data_dir, Path::new(DATA));
    let disk: Arc<dyn Disk> = Arc::new(handle.disk.clone());
    NodeOptions {
        config: Arc::new(built.config),
        disk,
        clock: Arc::new(SimClock::of(&handle.conditions)),
        random: Random::new(chance(Random::next_u64)),
        gate: Gate::default(),
        loggers: Loggers::new("info", |_| Ok(())),
    }
}
