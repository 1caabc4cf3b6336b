//! A host with a node: the node that `ottla serve` runs, behind other doors.

use std::error::Error;
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

use super::nemesis::{Fault, Handle};
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

/// Until a broker that has ended for lack of room is started again.
const RESTART_REST: Duration = Duration::from_secs(1);
/// What the kind of error is called that says so.
const NO_ROOM: &str = "no storage space";

/// Runs a node until it is told to stop. Nothing else may end it, or keep it from starting, but the
/// host's crash, and its disk.
pub(super) async fn serve(broker: i32, swarm: Swarm, handle: Handle) -> turmoil::Result {
    // A host comes up at the beginning of a step, so that its clock is right.
    sleep(Duration::from_millis(1)).await;
    while !handle.is_there.load(Ordering::Relaxed) {
        sleep(ABSENT_LOOK).await;
    }
    handle.conditions.hold_here();
    while run(broker, &swarm, &handle).await? == Ended::WithoutRoom {
        // whoever looks after it starts it again
        tracing::info!(broker, "is started again");
        sleep(RESTART_REST).await;
    }
    Ok(())
}

/// How a node has ended.
#[derive(PartialEq, Eq)]
enum Ended {
    AsItMay,
    /// A disk that runs full while the metadata's log is being cut ends it: what is half done is finished
    /// at the next start.
    WithoutRoom,
}

/// From a node's start to its end.
async fn run(broker: i32, swarm: &Swarm, handle: &Handle) -> Result<Ended, Box<dyn Error>> {
    let ended = |reason: String| match handle.may_fail.load(Ordering::Relaxed) {
        true => {
            tracing::info!(broker, reason, "gave up");
            Ok(Ended::AsItMay)
        }
        false => Err(format!("{} {reason}", host(broker)).into()),
    };
    let node = match Node::start(options(broker, swarm, handle)).await {
        Ok(node) => node,
        Err(error) if handle.may_not_start.load(Ordering::Relaxed) => {
            tracing::info!(broker, %error, "does not start");
            return Ok(Ended::AsItMay);
        }
        Err(error) => return ended(format!("does not start: {error}")),
    };
    tracing::info!(broker, "serves");
    let ending = tokio::select! {
        reason = node.failed() => match reason.contains(NO_ROOM) {
            true => Ended::WithoutRoom,
            false => return ended(format!("failed: {reason}")),
        },
        () = handle.stop.notified() => Ended::AsItMay,
    };
    match node.shutdown().await {
        Ok(()) => tracing::info!(broker, "stopped in order"),
        Err(error) => tracing::info!(broker, %error, "stopped, but not in order"),
    }
    Ok(ending)
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
    let mut set = vec![
        format!("node.id={broker}"),
        "offsets.topic.num.partitions=1".to_owned(),
        "log.cleaner.backoff.ms=500".to_owned(),
        "transaction.state.log.num.partitions=2".to_owned(),
        "transaction.abort.timed.out.transaction.cleanup.interval.ms=1000".to_owned(),
        flush.to_owned(),
    ];
    if swarm.faults.contains(&Fault::Rot) {
        set.push("ottla.scrub.interval.ms=2000".to_owned());
        set.push("ottla.scrub.bytes.per.second=100000000".to_owned());
    }
    let flags = Flags {
        listen: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        advertise: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        data: Some(DATA.to_owned()),
        http: Some("none".to_owned()),
        peer_listen: Some(format!("{}:{PEER_PORT}", host(broker))),
        join: Some(seeds(broker, swarm).join(",")),
        set,
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
