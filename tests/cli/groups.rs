//! `ottla group`.

use ottla_tests::{Broker, Suite};

use crate::member;
use crate::run::{misuse, objects, ottla, topic};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .case("groups_are_listed_by_state", listed)
        .case("a_group_is_described_with_member_and_lag", described)
        .case("lag_is_told_per_partition_and_in_all", lag)
        .case("lag_is_watched_until_interrupted", watched)
        .case("a_reset_is_a_dry_run_until_executed", reset)
        .case("a_reset_goes_to_where_it_is_told", targets)
        .case("a_group_with_members_is_neither_reset_nor_deleted", busy)
        .case("a_deletion_needs_a_yes", deleted)
        .case("single_offsets_are_deleted", offsets_deleted);
}

/// A group that has committed this offset in partition 0 and in no other.
fn group(broker: &Broker, group: &str, topic: &str, offset: &str) {
    let selection = format!("{topic}:0");
    let line = [
        "group",
        "reset-offsets",
        group,
        "--topic",
        &selection,
        "--to",
        offset,
        "--execute",
    ];
    ottla(broker, &line).succeed();
}

fn committed(broker: &Broker, group: &str) -> Option<i64> {
    let described = ottla(broker, &["group", "describe", group, "--json"]).succeed();
    objects(&described)[0]["partitions"][0]["committed_offset"].as_i64()
}

fn listed(broker: &Broker) {
    topic(broker, "listed", 1, "a\n");
    group(broker, "listed-idle", "listed", "earliest");
    member::join(broker, "listed-busy", "listed");
    let all = ottla(broker, &["group", "list", "--json"]).succeed();
    let all = objects(&all);
    let of = |id: &str| {
        all.iter()
            .find(|group| group["id"] == id)
            .expect("the group is listed")
    };
    assert_eq!(of("listed-idle")["state"], "Empty");
    assert_eq!(
        (&of("listed-busy")["state"], &of("listed-busy")["protocol"]),
        (&"Stable".into(), &"consumer".into())
    );
    let stable = ottla(broker, &["group", "list", "--state", "stable"]).succeed();
    stable.says("listed-busy");
    assert!(!stable.stdout.contains("listed-idle"), "{stable}");
}

fn described(broker: &Broker) {
    topic(broker, "described", 2, "a\nb\nc\n");
    group(broker, "described", "described", "1");
    member::join(broker, "described", "described");
    let told = ottla(broker, &["group", "describe", "described", "--json"]).succeed();
    let told = &objects(&told)[0];
    assert_eq!(told["members"][0]["client_id"], "by-hand");
    assert_eq!(told["members"][0]["assigned"][0]["topic"], "described");
    let partition = &told["partitions"][0];
    assert_eq!(
        (&partition["committed_offset"], &partition["lag"]),
        (&1.into(), &2.into())
    );
    assert_eq!(partition["member"], told["members"][0]["id"]);
    ottla(broker, &["group", "describe", "described"])
        .succeed()
        .says("Stable, 1 members");
    ottla(broker, &["group", "describe", "no-such-group"]).refuse();
}

fn lag(broker: &Broker) {
    topic(broker, "lagging", 1, "a\nb\nc\n");
    group(broker, "lagging", "lagging", "earliest");
    let told = ottla(broker, &["group", "lag", "lagging", "--json"]).succeed();
    assert_eq!(objects(&told)[0]["lag"], 3);
    ottla(broker, &["group", "lag"]).succeed().says("lagging");
    ottla(broker, &["group", "lag", "no-such-group"]).refuse();
}

fn watched(broker: &Broker) {
    topic(broker, "watched", 1, "a\n");
    group(broker, "watched", "watched", "earliest");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let mut command = std::process::Command::new(
        ottla_tests::broker::ottla_program().expect("the program can be built"),
    );
    command.args([
        "group",
        "lag",
        "watched",
        "--watch",
        "--interval",
        "10ms",
        "--json",
    ]);
    command.args(["-b", &broker.bootstrap()]);
    let log = folder.path().join("lag.log");
    let mut watcher =
        ottla_tests::process::Process::spawn(&mut command, &log).expect("the program starts");
    let within = std::time::Duration::from_secs(60);
    ottla_tests::wait::until("a lag of 1", within, || {
        watcher.log().contains("\"lag\":1").then_some(())
    });
    ottla(broker, &["produce", "watched"])
        .stdin("b\n")
        .succeed();
    ottla_tests::wait::until("a lag of 2", within, || {
        watcher.log().contains("\"lag\":2").then_some(())
    });
    watcher.signal(rustix::process::Signal::INT);
    assert_eq!(
        watcher.wait(within).and_then(|status| status.code()),
        Some(0)
    );
}

fn reset(broker: &Broker) {
    topic(broker, "reset", 1, "a\nb\nc\n");
    group(broker, "reset", "reset", "latest");
    let line = [
        "group",
        "reset-offsets",
        "reset",
        "--all-topics",
        "--to",
        "earliest",
    ];
    let dry = ottla(broker, &line).arg("--json").succeed();
    assert_eq!(objects(&dry)[0]["new_offset"], 0);
    assert!(dry.stderr.contains("--execute"), "{dry}");
    assert_eq!(committed(broker, "reset"), Some(3));
    ottla(broker, &line).arg("--execute").succeed();
    assert_eq!(committed(broker, "reset"), Some(0));
}

fn targets(broker: &Broker) {
    topic(broker, "targets", 1, "a\nb\nc\n");
    group(broker, "targets", "targets", "1");
    for (flag, value, expected) in [
        ("--shift-by", "1", 2),
        ("--shift-by", "-9", 0),
        ("--to", "99", 3),
        ("--to", "@2001-01-01", 0),
        ("--to", "@2999-01-01", 3),
        ("--by-duration", "1d", 0),
    ] {
        let line = [
            "group",
            "reset-offsets",
            "targets",
            "--topic",
            "targets:0",
            flag,
            value,
            "--execute",
        ];
        let done = ottla(broker, &line).succeed();
        assert_eq!(
            committed(broker, "targets"),
            Some(expected),
            "{flag} {value}: {done}"
        );
        let is_clamped = matches!(value, "-9" | "99" | "@2999-01-01");
        assert_eq!(
            done.stderr.contains("warning"),
            is_clamped,
            "{flag} {value}: {done}"
        );
    }
    let beyond = [
        "group",
        "reset-offsets",
        "targets",
        "--topic",
        "targets:7",
        "--to",
        "latest",
    ];
    ottla(broker, &beyond).refuse();
}

fn busy(broker: &Broker) {
    topic(broker, "busy", 1, "a\n");
    group(broker, "busy", "busy", "latest");
    member::join(broker, "busy", "busy");
    let line = [
        "group",
        "reset-offsets",
        "busy",
        "--all-topics",
        "--to",
        "earliest",
        "--execute",
    ];
    let refused = ottla(broker, &line).refuse();
    assert!(refused.stderr.contains("Stable"), "{refused}");
    assert_eq!(committed(broker, "busy"), Some(1));
    let refused = ottla(broker, &["group", "delete", "busy", "--yes"]).refuse();
    assert!(refused.stderr.contains("NON_EMPTY_GROUP"), "{refused}");
}

fn deleted(broker: &Broker) {
    topic(broker, "deleted", 1, "a\n");
    group(broker, "deleted", "deleted", "latest");
    misuse(ottla(broker, &["group", "delete", "deleted"]), "--yes");
    assert_eq!(committed(broker, "deleted"), Some(1));
    ottla(broker, &["group", "delete", "deleted", "--yes"]).succeed();
    ottla(broker, &["group", "delete", "deleted", "--yes"]).refuse();
    ottla(
        broker,
        &["group", "delete", "deleted", "--yes", "--if-exists"],
    )
    .succeed();
}

fn offsets_deleted(broker: &Broker) {
    topic(broker, "forgotten", 1, "a\n");
    group(broker, "forgotten", "forgotten", "latest");
    let line = [
        "group",
        "delete-offsets",
        "forgotten",
        "--topic",
        "forgotten:0",
    ];
    misuse(ottla(broker, &line), "--yes");
    ottla(broker, &line).arg("--yes").succeed();
    let left = ottla(broker, &["group", "list"]).succeed();
    // Without members and offsets a group may be gone as well; it must have no offset either way.
    if left.stdout.contains("forgotten") {
        assert_eq!(committed(broker, "forgotten"), None);
    }
}
