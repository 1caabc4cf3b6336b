//! kafka-get-offsets with every kind of time, and kafka-delete-records.

use std::io::Write;

use ottla_tests::{Broker, Finished, Suite};
use tempfile::NamedTempFile;

use crate::{create_topic, produce_lines, tool};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("get_offsets_knows_every_kind_of_time", every_time)
        .case("get_offsets_filters_topics_and_partitions", filters)
        .case("get_offsets_says_when_a_topic_is_unknown", unknown)
        .case("delete_records_moves_the_beginning", deleted_records)
        .case("delete_records_says_what_it_could_not_do", refused_deletion);
}

fn get_offsets(broker: &Broker, options: &[&str]) -> Finished {
    tool("GetOffsetShell", broker).args(options).succeed()
}

fn every_time(broker: &Broker) {
    let topic = "offsets-times";
    create_topic(broker, topic, &["--partitions", "2"]);
    // All three keys belong to partition 0; partition 1 stays empty.
    tool("ConsoleProducer", broker)
        .args(["--topic", topic])
        .args(["--reader-property", "parse.key=true"])
        .args(["--reader-property", "key.separator=:"])
        .stdin("a:1\nb:2\nc:3\n")
        .succeed();
    let at = |time: &str| get_offsets(broker, &["--topic", topic, "--time", time]);
    let both = ["offsets-times:0:3", "offsets-times:1:0"];
    let beginnings = ["offsets-times:0:0", "offsets-times:1:0"];
    for time in ["-1", "latest"] {
        at(time).prints(&both);
    }
    for time in ["-2", "earliest", "-4", "earliest-local"] {
        at(time).prints(&beginnings);
    }
    for time in ["-3", "max-timestamp"] {
        let greatest = at(time);
        let lines = greatest.lines();
        assert_eq!(
            lines.len(),
            1,
            "an empty partition has no greatest timestamp: {greatest}"
        );
        assert!(lines[0].starts_with("offsets-times:0:"), "{greatest}");
    }
    for time in ["-5", "latest-tiered", "-6", "earliest-pending-upload"] {
        at(time).prints(&[]);
    }
    at("0").prints(&["offsets-times:0:0"]);
    at("99999999999999").prints(&[]);
}

fn filters(broker: &Broker) {
    create_topic(broker, "offsets-filter-a", &["--partitions", "3"]);
    create_topic(broker, "offsets-filter-b", &[]);
    get_offsets(
        broker,
        &["--topic", "offsets-filter-.*", "--partitions", "0"],
    )
    .prints(&["offsets-filter-a:0:0", "offsets-filter-b:0:0"]);
    get_offsets(broker, &["--topic-partitions", "offsets-filter-a:1-3"])
        .prints(&["offsets-filter-a:1:0", "offsets-filter-a:2:0"]);
}

fn unknown(broker: &Broker) {
    tool("GetOffsetShell", broker)
        .args(["--topic", "offsets-never-was"])
        .refuse();
}

fn deleted_records(broker: &Broker) {
    let topic = "offsets-delete";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "0\n1\n2\n3\n4\n");
    delete_records(broker, topic, 3)
        .says("Executing records delete operation")
        .says("partition: offsets-delete-0\tlow_watermark: 3");
    let beginning = || get_offsets(broker, &["--topic", topic, "--time", "-2"]);
    beginning().prints(&["offsets-delete:0:3"]);
    delete_records(broker, topic, -1).says("partition: offsets-delete-0\tlow_watermark: 5");
    beginning().prints(&["offsets-delete:0:5"]);
    produce_lines(broker, topic, "5\n");
    get_offsets(broker, &["--topic", topic]).prints(&["offsets-delete:0:6"]);
}

fn refused_deletion(broker: &Broker) {
    let topic = "offsets-refuse";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "0\n");
    delete_records(broker, topic, 2).says(
        "partition: offsets-refuse-0\terror: \
         org.apache.kafka.common.errors.OffsetOutOfRangeException",
    );
}

fn delete_records(broker: &Broker, topic: &str, offset: i64) -> Finished {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    let partition = format!(r#"{{"topic":"{topic}","partition":0,"offset":{offset}}}"#);
    write!(file, r#"{{"version":1,"partitions":[{partition}]}}"#).expect("the file is ours");
    tool("DeleteRecordsCommand", broker)
        .arg("--offset-json-file")
        .arg(file.path())
        .succeed()
}
