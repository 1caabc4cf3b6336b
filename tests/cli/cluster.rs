//! `ottla cluster` against three brokers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ottla_tests::{Broker, Cluster, Settings, Suite, Tool};
use serde_json::Value;

use crate::run::{misuse, objects, offline};

pub(crate) fn add(suite: &mut Suite) {
    suite.case("a_broker_is_decommissioned_under_load", decommission);
    suite.case("voters_are_removed_and_added", voters);
}

const RECORDS_A_ROUND: usize = 200;

fn three(factor: &str) -> Cluster {
    let settings = Settings::default()
        .with("default.replication.factor", factor)
        .with("offsets.topic.replication.factor", factor)
        .with("offsets.topic.num.partitions", "3");
    Cluster::start(3, settings).expect("three brokers found a cluster")
}

/// `ottla` for the first two brokers.
fn ottla(at: &str, arguments: &[&str]) -> Tool {
    offline(arguments).args(["-b", at])
}

fn first_two(cluster: &mut Cluster) -> String {
    let first = cluster.brokers()[..2].iter().map(Broker::bootstrap);
    first.collect::<Vec<_>>().join(",")
}

fn described(at: &str) -> Value {
    let told = ottla(at, &["cluster", "describe", "--json"]).succeed();
    objects(&told).remove(0)
}

fn of_broker(described: &Value, id: i64, field: &str) -> Value {
    let brokers = described["brokers"].as_array().expect("brokers");
    let broker = brokers.iter().find(|broker| broker["id"] == id);
    broker.map_or(Value::Null, |broker| broker[field].clone())
}

fn decommission(_: &Broker) {
    let mut cluster = three("2");
    let at = first_two(&mut cluster);
    ottla(&at, &["topic", "create", "t", "--partitions", "6"]).succeed();
    assert_ne!(of_broker(&described(&at), 3, "replicas"), 0);
    misuse(ottla(&at, &["cluster", "decommission", "3"]), "--yes");
    let dry = ottla(
        &at,
        &["cluster", "decommission", "3", "--dry-run", "--json"],
    )
    .succeed();
    assert!(!objects(&dry).is_empty(), "{dry}");
    assert_ne!(of_broker(&described(&at), 3, "replicas"), 0);

    let is_over = AtomicBool::new(false);
    let produced = thread::scope(|scope| {
        let load = scope.spawn(|| {
            let lines: String = (0..RECORDS_A_ROUND).map(|n| format!("{n}\n")).collect();
            let mut produced = 0;
            while produced == 0 || !is_over.load(Ordering::Relaxed) {
                ottla(&at, &["produce", "t"]).stdin(&*lines).succeed();
                produced += RECORDS_A_ROUND;
            }
            produced
        });
        let run = ottla(&at, &["cluster", "decommission", "3", "--yes"]).run();
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(run.code, Some(0), "{run}");
        load.join().expect("the load has not failed")
    });

    let after = described(&at);
    assert_eq!(
        after["brokers"].as_array().map(Vec::len),
        Some(2),
        "{after}"
    );
    let consume = ["consume", "t", "--from", "earliest", "--exit-at-end"];
    let read = ottla(&at, &consume).succeed();
    assert_eq!(read.lines().len(), produced);
    ottla(&at, &["cluster", "decommission", "3", "--yes"]).refuse();
    let refused = ottla(&at, &["cluster", "decommission", "2", "--yes"]).run();
    assert_eq!(refused.code, Some(1), "{refused}");
    assert!(
        refused.stderr.contains("too few") && refused.stderr.contains('t'),
        "{refused}"
    );
}

fn voters(_: &Broker) {
    let mut cluster = three("3");
    let at = first_two(&mut cluster);
    assert_ne!(of_broker(&described(&at), 3, "metadata"), "observer");
    ottla(&at, &["cluster", "remove-voter", "3"]).succeed();
    assert_eq!(of_broker(&described(&at), 3, "metadata"), "observer");
    ottla(&at, &["cluster", "remove-voter", "3"]).refuse();
    ottla(&at, &["cluster", "add-voter", "3"]).succeed();
    assert_eq!(of_broker(&described(&at), 3, "metadata"), "voter");
    ottla(&at, &["cluster", "add-voter", "3"]).refuse();
    ottla(&at, &["cluster", "rebalance-leaders"]).succeed();
}
