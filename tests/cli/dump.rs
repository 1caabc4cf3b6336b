//! `ottla dump`, on the data of a broker that is running.

use std::path::{Path, PathBuf};

use ottla_tests::{Broker, Finished, Suite};
use serde_json::Value;

use crate::run::{objects, offline, ottla, topic};

pub(crate) fn add(suite: &mut Suite) {
    suite
        .case("a_dump_shows_batches_raft_frames_and_records", batches)
        .case("a_dump_decodes_groups_and_metadata", internal)
        .case("a_dump_reads_indexes_and_whole_directories", others)
        .case("a_dump_says_where_a_file_is_damaged", damage);
}

fn dump(path: &Path, more: &[&str]) -> ottla_tests::Tool {
    offline(&["dump"]).arg(path).args(more)
}

fn first_log(broker: &Broker, topic: &str) -> PathBuf {
    broker
        .partition_folder(topic, 0)
        .join("00000000000000000000.log")
}

/// All records of a dump in JSON.
fn records(finished: &Finished) -> Vec<Value> {
    let frames = objects(finished).into_iter();
    let data = frames.filter_map(|frame| frame["data"].as_array().cloned());
    data.flatten().collect()
}

fn batches(broker: &Broker) {
    topic(broker, "dumped", 1, "one\ntwo\n");
    let told = dump(&broker.partition_folder("dumped", 0), &["--records"]).succeed();
    told.says("raft-only").says("crc ok").says("value \"two\"");
    let told = dump(&first_log(broker, "dumped"), &["--records", "--json"]).succeed();
    let values: Vec<Value> = records(&told)
        .iter()
        .map(|record| record["value"].clone())
        .collect();
    assert_eq!(values, ["one", "two"]);
    let frames = objects(&told);
    assert!(frames.iter().any(|frame| {
        frame["raft_only"]
            .as_str()
            .is_some_and(|name| name.contains("blank"))
    }));
    assert!(frames.iter().all(|frame| frame["crc_ok"] == true));
}

fn internal(broker: &Broker) {
    topic(broker, "decoded", 1, "a\n");
    let line = [
        "group",
        "reset-offsets",
        "decoded",
        "--topic",
        "decoded",
        "--to",
        "latest",
        "--execute",
    ];
    ottla(broker, &line).succeed();
    let entries = std::fs::read_dir(broker.data_folder()).expect("the data folder is there");
    let folders = entries.map(|entry| entry.expect("a folder that is there is read").path());
    let of_groups = folders.filter(|folder| {
        folder
            .file_name()
            .expect("it has a name")
            .to_string_lossy()
            .starts_with("__consumer_offsets-")
    });
    let committed =
        of_groups.flat_map(|folder| records(&dump(&folder, &["-r", "--json"]).succeed()));
    let committed = committed.map(|record| record["decoded"].clone());
    let of_group: Vec<Value> = committed
        .filter(|decoded| decoded["group"] == "decoded")
        .collect();
    assert!(
        of_group
            .iter()
            .any(|decoded| decoded["value"]["offset"] == 1),
        "{of_group:?}"
    );

    let metadata = broker.partition_folder("__cluster_metadata", 0);
    let told = dump(&metadata, &["--records", "--json"]).succeed();
    let is_topic = |record: &Value| {
        let decoded = &record["decoded"];
        decoded["type"] == "topic" && decoded["name"] == "decoded"
    };
    assert!(records(&told).iter().any(is_topic), "{told}");
}

fn others(broker: &Broker) {
    topic(broker, "indexed", 1, "a\n");
    let head = first_log(broker, "indexed").with_extension("raftindex");
    dump(&head, &[]).succeed().says("begins at offset 0");
    let told = dump(&broker.data_folder(), &[]).succeed();
    told.says("indexed-0").says("__cluster_metadata-0");
}

fn damage(broker: &Broker) {
    topic(broker, "damaged", 1, "precious\n");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let copy = folder.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(first_log(broker, "damaged")).expect("the log is there");
    let at = bytes
        .windows(8)
        .position(|window| window == b"precious")
        .expect("the record was written");
    bytes[at] ^= 1;
    std::fs::write(&copy, &bytes).expect("the copy can be written");
    let refused = dump(&copy, &["--records"]).refuse();
    assert!(
        refused.stderr.contains("at position") && refused.stderr.contains("checksum"),
        "{refused}"
    );
    // Cut in the middle of a frame.
    std::fs::write(&copy, &bytes[..bytes.len() - 3]).expect("the copy can be written");
    let refused = dump(&copy, &[]).refuse();
    assert!(refused.stderr.contains("no frame at position"), "{refused}");
    dump(&folder.path().join("nothing"), &[]).refuse();
}
