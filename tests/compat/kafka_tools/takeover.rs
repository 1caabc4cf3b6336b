//! Consumers and brokers that die: who is left goes on where the dead one stopped.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use ottla_tests::process::Process;
use ottla_tests::{Broker, Settings, Suite, wait};

use crate::groups::{consume, groups, offsets, read_in_part, table};
use crate::{create_topic, tool};

/// Longer than a session and a rebalance take on a slow and busy machine.
const WITHIN: Duration = Duration::from_secs(90);

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case(
            "groups_one_of_two_consumers_dies_and_the_other_takes_over",
            takeover,
        )
        .case("groups_offsets_survive_kill_9_of_the_broker", broker_killed);
}

fn takeover(broker: &Broker) {
    let name = "groups-takeover";
    create_topic(broker, name, &["--partitions", "6"]);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let logs = [folder.path().join("first"), folder.path().join("second")];
    let mut first = console_consumer(broker, name, &logs[0]);
    let _second = console_consumer(broker, name, &logs[1]);
    wait::until("two members share six partitions", WITHIN, || {
        (owners(broker, name).len() == 2).then_some(())
    });
    produce_keyed(broker, name, 0..60);
    read_by(&logs, 0..60);
    first.kill();
    produce_keyed(broker, name, 60..120);
    read_by(&logs[1..], 60..120);
    assert_eq!(owners(broker, name).len(), 1);
}

/// Reads for ever, printing values to `log`. Its session is as short as a broker allows.
fn console_consumer(broker: &Broker, name: &str, log: &Path) -> Process {
    tool("consumer.ConsoleConsumer", broker)
        .args(["--topic", name, "--group", name])
        .args(["--command-property", "auto.offset.reset=earliest"])
        .args(["--command-property", "session.timeout.ms=6000"])
        .spawn(log)
        .expect("java starts")
}

/// The members that own the six partitions; none while some partition has no owner.
fn owners(broker: &Broker, group: &str) -> BTreeSet<String> {
    let shown = groups(broker).args(["--describe", "--group", group]).run();
    let rows = table(&shown);
    let owned: Vec<&str> = rows.iter().filter_map(|row| row.get(6)).copied().collect();
    if owned.len() < 6 || owned.contains(&"-") {
        return BTreeSet::new();
    }
    owned.into_iter().map(str::to_owned).collect()
}

/// Numbers, spread over the partitions by their keys.
fn produce_keyed(broker: &Broker, topic: &str, numbers: std::ops::Range<u32>) {
    let lines: String = numbers
        .map(|number| format!("{number}:n{number}\n"))
        .collect();
    tool("ConsoleProducer", broker)
        .args(["--topic", topic])
        .args(["--reader-property", "parse.key=true"])
        .args(["--reader-property", "key.separator=:"])
        .stdin(lines)
        .succeed();
}

/// Waits until all these numbers were printed to one of the logs.
fn read_by<P: AsRef<Path>>(logs: &[P], numbers: std::ops::Range<u32>) {
    let wanted: BTreeSet<String> = numbers.map(|number| format!("n{number}")).collect();
    wait::until("all records are read", WITHIN, || {
        let texts = logs
            .iter()
            .map(|log| std::fs::read_to_string(log).unwrap_or_default());
        let texts: Vec<String> = texts.collect();
        let read: BTreeSet<&str> = texts.iter().flat_map(|text| text.lines()).collect();
        wanted
            .iter()
            .all(|line| read.contains(line.as_str()))
            .then_some(())
    });
}

fn broker_killed(like: &Broker) {
    let mut broker = Broker::start(like.kind(), Settings::default()).expect("a broker starts");
    let name = "groups-killed";
    read_in_part(&broker, name, name);
    broker.kill();
    broker.resume().expect("the broker comes back");
    assert_eq!(offsets(&broker, name), ["4", "10", "6"]);
    consume(&broker, name, name, 6).prints(&["4", "5", "6", "7", "8", "9"]);
}
