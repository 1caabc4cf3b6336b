//! `ottla perf`: that it measures what it says, not how fast anything is.

use std::time::{Duration, Instant};

use ottla_tests::{Broker, Suite};

use crate::run::{misuse, objects, ottla};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .case("what_perf_produces_perf_consumes", produced_and_consumed)
        .case("a_rate_is_kept", paced)
        .case("perf_measures_from_end_to_end", end_to_end);
}

fn produced_and_consumed(broker: &Broker) {
    let load = [
        "perf",
        "produce",
        "--topic",
        "perf-load",
        "--partitions",
        "3",
        "-n",
        "2000",
        "--record-size",
        "100",
        "-z",
        "lz4",
        "--linger-ms",
        "5",
        "--batch-size",
        "4000",
        "--json",
    ];
    let told = ottla(broker, &load).succeed();
    let summary = &objects(&told)[0];
    assert_eq!(
        (&summary["records"], &summary["bytes"]),
        (&2000.into(), &200_000.into())
    );
    assert!(summary["latency_ms"]["p99.9"].as_f64() <= summary["latency_ms"]["max"].as_f64());
    let described = ottla(broker, &["topic", "describe", "perf-load", "--json"]).succeed();
    assert_eq!(
        objects(&described)[0]["partitions"]
            .as_array()
            .expect("a topic has partitions")
            .len(),
        3
    );

    let read = ["perf", "consume", "--topic", "perf-load", "-n", "2000"];
    ottla(broker, &read).succeed().says("2000 records");
    let more = [
        "perf",
        "consume",
        "--topic",
        "perf-load",
        "-n",
        "2001",
        "--timeout",
        "500ms",
    ];
    let refused = ottla(broker, &more).refuse();
    assert!(refused.stderr.contains("only 2000 of 2001"), "{refused}");
}

fn paced(broker: &Broker) {
    let begun = Instant::now();
    let load = [
        "perf",
        "produce",
        "--topic",
        "perf-paced",
        "-n",
        "101",
        "--rate",
        "100",
        "--acks",
        "1",
    ];
    ottla(broker, &load)
        .succeed()
        .says("101 records")
        .says("p99.9");
    // The last of them is due a second after the first.
    assert!(begun.elapsed() >= Duration::from_secs(1));
}

fn end_to_end(broker: &Broker) {
    let load = [
        "perf", "e2e", "--topic", "perf-e2e", "-n", "200", "--rate", "1000", "--json",
    ];
    for _ in 0..2 {
        let told = ottla(broker, &load).succeed();
        assert_eq!(objects(&told)[0]["records"], 200);
    }
    misuse(
        ottla(broker, &["perf", "e2e", "--record-size", "8"]),
        "at least 16",
    );
}
