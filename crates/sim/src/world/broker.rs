//! A host with a node: the node that `ottla serve` runs, behind other doors.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ottla_broker::authorize::Gate;
use ottla_broker::config::{Config, Flags, Sources};
use ottla_broker::loggers::Loggers;
use ottla_broker::node::{Node, NodeOptions};
use ottla_platform::disk::Disk;
use ottla_platform::seed::Random;
use ottla_platform::sim::{SimClock, SimDisk, chance};
use tokio::sync::Notify;

use super::flavor::Flavor;

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

/// Runs a node until it is told to stop. Nothing else may end it, or keep it from starting, but the
/// host's crash.
pub(super) async fn serve(
    broker: i32,
    flavor: Flavor,
    disk: SimDisk,
    stop: Arc<Notify>,
) -> turmoil::Result {
    // A host comes up at the beginning of a step, so that its clock is right.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let node = Node::start(options(broker, flavor, disk)).await;
    let node = node.map_err(|error| format!("{} does not start: {error}", host(broker)))?;
    tracing::info!(broker, "serves");
    tokio::select! {
        reason = node.failed() => return Err(format!("{} failed: {reason}", host(broker)).into()),
        () = stop.notified() => {}
    }
    match node.shutdown().await {
        Ok(()) => tracing::info!(broker, "stopped in order"),
        Err(error) => tracing::info!(broker, %error, "stopped, but not in order"),
    }
    Ok(())
}

fn options(broker: i32, flavor: Flavor, disk: SimDisk) -> NodeOptions {
    let seeds = (1..=BROKERS).map(|seed| format!("{}:{PEER_PORT}", host(seed)));
    let flags = Flags {
        listen: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        advertise: vec![format!("{}:{CLIENT_PORT}", host(broker))],
        data: Some(DATA.to_owned()),
        http: Some("none".to_owned()),
        peer_listen: Some(format!("{}:{PEER_PORT}", host(broker))),
        join: Some(seeds.collect::<Vec<_>>().join(",")),
        set: vec![
            format!("node.id={broker}"),
            "offsets.topic.num.partitions=1".to_owned(),
            flavor.flush().to_owned(),
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
    let disk: Arc<dyn Disk> = Arc::new(disk);
    NodeOptions {
        config: Arc::new(built.config),
        disk,
        clock: Arc::new(SimClock),
        random: Random::new(chance(Random::next_u64)),
        gate: Gate::default(),
        loggers: Loggers::new("info", |_| Ok(())),
    }
}
