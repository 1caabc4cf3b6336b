//! kafka-console-producer, and kafka-console-consumer of one partition (no group).

use ottla_tests::{Broker, Finished, Suite};

use crate::{create_topic, produce_lines, tool};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case("console_lines_come_back", lines)
        .case(
            "console_keys_headers_and_offsets_come_back",
            keys_and_headers,
        )
        .case("console_codecs_and_acks_come_back", codecs_and_acks)
        .case("console_consumer_starts_where_it_is_told", offsets)
        .case("console_consumer_reads_committed", read_committed)
        .case("console_producer_creates_the_topic", auto_creation);
}

/// Reads partition 0 until this many records came.
fn consume(broker: &Broker, topic: &str, offset: &str, count: usize, options: &[&str]) -> Finished {
    tool("consumer.ConsoleConsumer", broker)
        .args(["--topic", topic, "--partition", "0", "--offset", offset])
        .args([
            "--timeout-ms",
            "60000",
            "--max-messages",
            &count.to_string(),
        ])
        .args(options)
        .succeed()
}

fn lines(broker: &Broker) {
    let topic = "console-lines";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "one\ntwo\n\nfour\n");
    let read = consume(broker, topic, "earliest", 4, &[]);
    assert_eq!(read.stdout, "one\ntwo\n\nfour\n", "{read}");
    assert!(
        read.stderr.contains("Processed a total of 4 messages"),
        "{read}"
    );
}

fn keys_and_headers(broker: &Broker) {
    let topic = "console-keys";
    create_topic(broker, topic, &[]);
    tool("ConsoleProducer", broker)
        .args(["--topic", topic])
        .args(["--reader-property", "parse.key=true"])
        .args(["--reader-property", "key.separator=:"])
        .args(["--reader-property", "parse.headers=true"])
        .args(["--reader-property", "null.marker=NIL"])
        .stdin("a:1,b:2\tk1:v1\nc:\tk2:NIL\n")
        .succeed();
    consume(
        broker,
        topic,
        "earliest",
        2,
        &[
            "--formatter-property",
            "print.key=true",
            "--formatter-property",
            "print.headers=true",
            "--formatter-property",
            "print.offset=true",
            "--formatter-property",
            "print.partition=true",
        ],
    )
    .prints(&[
        "Partition:0\tOffset:0\ta:1,b:2\tk1\tv1",
        "Partition:0\tOffset:1\tc:\tk2\tnull",
    ]);
}

fn codecs_and_acks(broker: &Broker) {
    let topic = "console-codecs";
    create_topic(broker, topic, &[]);
    let ways = [
        ("none", "all"),
        ("gzip", "1"),
        ("snappy", "all"),
        ("lz4", "1"),
        ("zstd", "0"),
    ];
    let mut expected = Vec::new();
    for (codec, acks) in ways {
        let line = format!("by {codec} and acks {acks}");
        tool("ConsoleProducer", broker)
            .args(["--topic", topic, "--compression-codec", codec])
            .args(["--producer-property", &format!("acks={acks}")])
            .args(["--producer-property", "enable.idempotence=false"])
            .stdin(format!("{line}\n"))
            .succeed();
        expected.push(line);
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    consume(broker, topic, "earliest", ways.len(), &[]).prints(&expected);
}

fn offsets(broker: &Broker) {
    let topic = "console-offsets";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "0\n1\n2\n3\n4\n");
    consume(broker, topic, "3", 2, &[]).prints(&["3", "4"]);
    let at_end = tool("consumer.ConsoleConsumer", broker)
        .args(["--topic", topic, "--partition", "0", "--offset", "latest"])
        .args(["--timeout-ms", "2000"])
        .succeed();
    assert_eq!(at_end.stdout, "", "{at_end}");
}

fn read_committed(broker: &Broker) {
    let topic = "console-committed";
    create_topic(broker, topic, &[]);
    produce_lines(broker, topic, "a\nb\n");
    let options = ["--isolation-level", "read_committed"];
    consume(broker, topic, "earliest", 2, &options).prints(&["a", "b"]);
}

fn auto_creation(broker: &Broker) {
    let topic = "console-created-on-first-use";
    produce_lines(broker, topic, "first\n");
    consume(broker, topic, "earliest", 1, &[]).prints(&["first"]);
}
