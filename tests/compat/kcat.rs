//! kcat, the command line client on librdkafka that people reach for first.

use std::process::ExitCode;

use ottla_tests::{Broker, Finished, Need, Suite, Tool};
use serde_json::Value;

fn main() -> ExitCode {
    let mut suite = Suite::new(&[Need::Program("kcat")]);
    suite
        .case("lines_are_produced_and_consumed", lines)
        .case("keys_headers_and_offsets_are_shown", keys_and_headers)
        .case("every_codec_is_read_back", codecs)
        .case("every_acks_setting_delivers", acks)
        .case("an_idempotent_producer_delivers", idempotent)
        .case("null_values_stay_null", nulls)
        .case("consuming_from_the_end_backwards", tail)
        .case("consuming_by_timestamp", by_timestamp)
        .case("metadata_is_listed", metadata)
        .case("metadata_of_an_unknown_topic_says_so", unknown_topic)
        .case("offsets_are_queried", queried_offsets)
        .case("a_file_is_one_record", file);
    suite.run()
}

fn kcat(broker: &Broker) -> Tool {
    // The old librdkafka in distributions waits for its socket to be refused over IPv6 first.
    Tool::program("kcat").args(["-b", &broker.bootstrap(), "-X", "broker.address.family=v4"])
}

fn produce(broker: &Broker, topic: &str, input: &str, options: &[&str]) -> Finished {
    kcat(broker)
        .args(["-P", "-t", topic, "-p", "0"])
        .args(options)
        .stdin(input)
        .succeed()
}

/// Partition 0 from its beginning to its end.
fn consume(broker: &Broker, topic: &str, options: &[&str]) -> Finished {
    kcat(broker)
        .args(["-C", "-t", topic, "-p", "0", "-e", "-q"])
        .args(options)
        .succeed()
}

fn lines(broker: &Broker) {
    let topic = "kcat-lines";
    produce(broker, topic, "one\ntwo\nthree\n", &[]);
    consume(broker, topic, &["-o", "beginning"]).prints(&["one", "two", "three"]);
    consume(broker, topic, &["-o", "1", "-c", "1"]).prints(&["two"]);
}

fn keys_and_headers(broker: &Broker) {
    let topic = "kcat-keys";
    produce(
        broker,
        topic,
        "k1:v1\nk2:v2\n",
        &["-K:", "-H", "colour=blue"],
    );
    let shown = consume(
        broker,
        topic,
        &["-o", "beginning", "-f", "%p %o %k %s %h\n"],
    );
    shown.prints(&["0 0 k1 v1 colour=blue", "0 1 k2 v2 colour=blue"]);
    let json = consume(broker, topic, &["-o", "1", "-J"]);
    let record: Value = serde_json::from_str(json.lines()[0]).expect("kcat prints JSON");
    assert_eq!(record["offset"], 1);
    assert_eq!(record["tstype"], "create");
    assert_eq!(record["key"], "k2");
    assert_eq!(record["headers"][1], "blue");
}

fn codecs(broker: &Broker) {
    let input: String = (0..1_000).map(|n| format!("record {n}\n")).collect();
    let expected: Vec<&str> = input.lines().collect();
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("kcat-codec-{codec}");
        produce(broker, &topic, &input, &["-z", codec]);
        consume(broker, &topic, &["-o", "beginning"]).prints(&expected);
    }
}

fn acks(broker: &Broker) {
    for acks in ["0", "1", "-1"] {
        let topic = format!("kcat-acks{acks}");
        produce(broker, &topic, "first\n", &[]); // acks=0 to a topic not yet created is lost
        produce(broker, &topic, "second\n", &["-X", &format!("acks={acks}")]);
        consume(broker, &topic, &["-o", "beginning", "-c", "2"]).prints(&["first", "second"]);
    }
}

fn idempotent(broker: &Broker) {
    let topic = "kcat-idempotent";
    let input: String = (0..500).map(|n| format!("{n}\n")).collect();
    produce(broker, topic, &input, &["-X", "enable.idempotence=true"]);
    let expected: Vec<&str> = input.lines().collect();
    consume(broker, topic, &["-o", "beginning"]).prints(&expected);
}

fn nulls(broker: &Broker) {
    let topic = "kcat-nulls";
    produce(broker, topic, "k1:\nk2:v\n", &["-K:", "-Z"]);
    let shown = consume(broker, topic, &["-o", "beginning", "-f", "%k %S\n"]);
    shown.prints(&["k1 -1", "k2 1"]);
}

fn tail(broker: &Broker) {
    let topic = "kcat-tail";
    produce(broker, topic, "1\n2\n3\n4\n5\n", &[]);
    consume(broker, topic, &["-o", "-2"]).prints(&["4", "5"]);
    consume(broker, topic, &["-o", "end"]).prints(&[]);
}

fn by_timestamp(broker: &Broker) {
    let topic = "kcat-timestamps";
    produce(broker, topic, "1\n2\n", &[]);
    consume(broker, topic, &["-o", "s@1000"]).prints(&["1", "2"]);
    let stamps = consume(broker, topic, &["-o", "beginning", "-f", "%T\n"]);
    let second = stamps.lines()[1].to_owned();
    let found = consume(
        broker,
        topic,
        &["-o", &format!("s@{second}"), "-f", "%s %T\n"],
    );
    assert!(
        found.lines().contains(&format!("2 {second}").as_str()),
        "{found}"
    );
}

fn metadata(broker: &Broker) {
    let topic = "kcat-metadata";
    produce(broker, topic, "1\n", &[]);
    let listing = kcat(broker).args(["-L", "-J"]).succeed();
    let cluster: Value = serde_json::from_str(&listing.stdout).expect("kcat prints JSON");
    assert_eq!(
        cluster["brokers"].as_array().map(Vec::len),
        Some(1),
        "{listing}"
    );
    assert_eq!(cluster["brokers"][0]["name"], broker.bootstrap().as_str());
    assert_eq!(cluster["controllerid"], cluster["brokers"][0]["id"]);
    let topics = cluster["topics"].as_array().expect("topics are listed");
    let found = topics
        .iter()
        .find(|listed| listed["topic"] == topic)
        .expect("the topic is listed");
    let partition = &found["partitions"][0];
    assert_eq!(partition["leader"], cluster["brokers"][0]["id"]);
    assert_eq!(partition["isrs"].as_array().map(Vec::len), Some(1));
}

fn unknown_topic(broker: &Broker) {
    let listing = kcat(broker)
        .args([
            "-L",
            "-t",
            "kcat-no-such-topic",
            "-X",
            "allow.auto.create.topics=false",
        ])
        .succeed();
    listing.says("Broker: Unknown topic or partition");
}

fn queried_offsets(broker: &Broker) {
    let topic = "kcat-queried";
    produce(broker, topic, "1\n2\n3\n", &[]);
    let query = |timestamp: &str| {
        kcat(broker)
            .args(["-Q", "-t", &format!("{topic}:0:{timestamp}")])
            .succeed()
    };
    query("-1").prints(&[&format!("{topic} [0] offset 3")]);
    query("-2").prints(&[&format!("{topic} [0] offset 0")]);
    query("1000").prints(&[&format!("{topic} [0] offset 0")]);
    query("99999999999999").prints(&[&format!("{topic} [0] offset -1")]);
}

fn file(broker: &Broker) {
    let topic = "kcat-file";
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("record");
    let content = "0123456789".repeat(50_000);
    std::fs::write(&path, &content).expect("the folder is ours");
    kcat(broker)
        .args(["-P", "-t", topic, "-p", "0"])
        .arg(&path)
        .succeed();
    let read = consume(broker, topic, &["-o", "beginning", "-D", ""]);
    assert!(read.stdout == content, "read {} bytes", read.stdout.len());
}
