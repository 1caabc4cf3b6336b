//! kafka-consumer-groups with all that it can do, kafka-groups, consumers in groups.

use std::io::Write;

use ottla_tests::{Broker, Finished, Suite, Tool};
use tempfile::NamedTempFile;

use crate::{create_topic, produce_lines, tool};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("groups_go_on_where_they_stopped", console_group)
        .case("groups_are_listed_with_types_and_states", listed)
        .case("groups_are_described", described)
        .case("groups_offsets_are_reset_every_way", resets)
        .case("groups_resets_are_exported_and_taken_from_files", files)
        .case("groups_offsets_are_deleted", deleted_offsets)
        .case("groups_are_deleted", deleted)
        .case("groups_that_never_were_are_not_found", unknown)
        .case("verifiable_consumer_reads_all", verifiable_consumer);
}

/// kafka-consumer-groups.
pub(crate) fn groups(broker: &Broker) -> Tool {
    tool("consumer.group.ConsumerGroupCommand", broker)
}

/// Reads so many records in a group.
pub(crate) fn consume(broker: &Broker, topic: &str, group: &str, count: usize) -> Finished {
    tool("consumer.ConsoleConsumer", broker)
        .args(["--topic", topic, "--group", group])
        .args(["--command-property", "auto.offset.reset=earliest"])
        .args(["--timeout-ms", "60000"])
        .args(["--max-messages", &count.to_string()])
        .succeed()
}

/// The cells of each line of a table, without its head.
pub(crate) fn table(printed: &Finished) -> Vec<Vec<&str>> {
    let lines = printed.lines().into_iter();
    let lines = lines.skip_while(|line| !line.starts_with("GROUP "));
    lines
        .skip(1)
        .map(|line| line.split_whitespace().collect())
        .collect()
}

/// A topic of one partition with ten records, and a group that has read four of them.
pub(crate) fn read_in_part(broker: &Broker, topic: &str, group: &str) {
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
    consume(broker, topic, group, 4).prints(&["0", "1", "2", "3"]);
}

/// What --describe says of the only partition: committed offset, end offset, lag.
pub(crate) fn offsets(broker: &Broker, group: &str) -> [String; 3] {
    let shown = groups(broker)
        .args(["--describe", "--group", group])
        .succeed();
    let rows = table(&shown);
    assert_eq!(rows.len(), 1, "{shown}");
    [3, 4, 5].map(|cell| rows[0][cell].to_owned())
}

fn console_group(broker: &Broker) {
    let (topic, group) = ("groups-console", "groups-console");
    read_in_part(broker, topic, group);
    assert_eq!(offsets(broker, group), ["4", "10", "6"]);
    consume(broker, topic, group, 6).prints(&["4", "5", "6", "7", "8", "9"]);
    assert_eq!(offsets(broker, group), ["10", "10", "0"]);
}

fn listed(broker: &Broker) {
    let group = "groups-listed";
    read_in_part(broker, group, group);
    groups(broker).arg("--list").succeed().says(group);
    let states = groups(broker).args(["--list", "--state"]).succeed();
    let row = states
        .lines()
        .into_iter()
        .find(|line| line.starts_with(group));
    let cells: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    assert_eq!(cells, [group, "Empty"], "{states}");
    let stable = groups(broker)
        .args(["--list", "--state", "stable"])
        .succeed();
    assert!(!stable.stdout.contains(group), "{stable}");
    let types = groups(broker).args(["--list", "--type"]).succeed();
    let row = types
        .lines()
        .into_iter()
        .find(|line| line.starts_with(group));
    let cells: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    assert_eq!(cells, [group, "Classic"], "{types}");
    let all = tool("GroupsCommand", broker).arg("--list").succeed();
    let row = all.lines().into_iter().find(|line| line.starts_with(group));
    let cells: Vec<_> = row.unwrap_or_default().split_whitespace().collect();
    assert_eq!(cells, [group, "Classic", "consumer"], "{all}");
}

fn described(broker: &Broker) {
    let group = "groups-described";
    read_in_part(broker, group, group);
    let shown = groups(broker)
        .args(["--describe", "--group", group])
        .succeed();
    let row = [group, group, "0", "4", "10", "6", "-", "-", "-"];
    assert_eq!(table(&shown), [row], "{shown}");
    let state = groups(broker)
        .args(["--describe", "--group", group, "--state"])
        .succeed();
    let row = &table(&state)[0];
    assert_eq!(row.last(), Some(&"0"), "no members: {state}");
    assert!(row.contains(&"Empty"), "{state}");
    let members = groups(broker)
        .args(["--describe", "--group", group, "--members"])
        .succeed();
    assert_eq!(table(&members).len(), 0, "{members}");
}

fn resets(broker: &Broker) {
    let group = "groups-reset";
    read_in_part(broker, group, group);
    let reset = |how: &[&str], execute: bool| {
        let printed = groups(broker)
            .args(["--reset-offsets", "--group", group, "--topic", group])
            .args(how)
            .arg(if execute { "--execute" } else { "--dry-run" })
            .succeed();
        let rows = table(&printed);
        assert_eq!(rows.len(), 1, "{printed}");
        rows[0]
            .last()
            .map(|&cell| cell.to_owned())
            .unwrap_or_default()
    };
    assert_eq!(reset(&["--to-earliest"], false), "0");
    assert_eq!(offsets(broker, group)[0], "4", "a dry run changes nothing");
    for (how, expected) in [
        (&["--to-earliest"][..], "0"),
        (&["--to-latest"], "10"),
        (&["--to-offset", "7"], "7"),
        (&["--shift-by", "-2"], "5"),
        (&["--shift-by", "100"], "10"),
        (&["--to-datetime", "2001-01-01T00:00:00.000"], "0"),
        (&["--by-duration", "PT1H"], "0"),
        (&["--to-offset", "3"], "3"),
        (&["--to-current"], "3"),
    ] {
        assert_eq!(reset(how, true), expected, "{how:?}");
        assert_eq!(offsets(broker, group)[0], expected, "{how:?}");
    }
    consume(broker, group, group, 7).prints(&["3", "4", "5", "6", "7", "8", "9"]);
}

fn files(broker: &Broker) {
    let group = "groups-files";
    read_in_part(broker, group, group);
    let exported = groups(broker)
        .args(["--reset-offsets", "--group", group, "--topic", group])
        .args(["--to-offset", "2", "--export"])
        .succeed();
    let line = format!("\"{group}\",0,2");
    assert!(
        exported.stdout.contains(&line) || exported.stdout.contains(&line.replace('"', "")),
        "{exported}"
    );
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    writeln!(file, "{group},0,6").expect("the file is ours");
    groups(broker)
        .args(["--reset-offsets", "--group", group, "--execute"])
        .arg("--from-file")
        .arg(file.path())
        .succeed();
    assert_eq!(offsets(broker, group)[0], "6");
}

fn deleted_offsets(broker: &Broker) {
    let group = "groups-delete-offsets";
    read_in_part(broker, group, group);
    let printed = groups(broker)
        .args(["--delete-offsets", "--group", group, "--topic", group])
        .succeed();
    printed.says("Successful");
    let shown = groups(broker).args(["--describe", "--group", group]).run();
    assert!(!shown.stdout.contains("  10  "), "{shown}");
}

fn deleted(broker: &Broker) {
    let group = "groups-deleted";
    read_in_part(broker, group, group);
    groups(broker)
        .args(["--delete", "--group", group])
        .succeed()
        .says("was successful");
    let list = groups(broker).arg("--list").succeed();
    assert!(!list.lines().contains(&group), "{list}");
    groups(broker)
        .args(["--delete", "--group", group])
        .run()
        .says("GroupIdNotFoundException");
}

fn unknown(broker: &Broker) {
    groups(broker)
        .args(["--describe", "--group", "groups-never-was"])
        .succeed()
        .says("GroupIdNotFoundException");
}

fn verifiable_consumer(broker: &Broker) {
    let topic = "groups-verifiable";
    create_topic(broker, topic, &["--partitions", "2"]);
    produce_lines(broker, topic, &"line\n".repeat(100));
    let read = tool("VerifiableConsumer", broker)
        .args(["--topic", topic, "--group-id", topic])
        .args(["--reset-policy", "earliest", "--max-messages", "100"])
        .succeed();
    read.says("\"name\":\"partitions_assigned\"")
        .says("\"name\":\"offsets_committed\"")
        .says("\"name\":\"shutdown_complete\"");
}
