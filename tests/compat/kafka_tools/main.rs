//! Kafka's own command line tools, each run as a process, judged by exit code and output.
//!
//! What is compared is what a person reads: generated ids, times and node ids are left out. The
//! expectations are those of Apache Kafka; `OTTLA_COMPAT_BROKERS=kafka` proves them.

mod alter_configs;
mod cluster;
mod configs;
mod console;
mod dump_log;
mod groups;
mod offsets;
mod producers;
mod several;
mod takeover;
mod topics;

use std::process::ExitCode;

use ottla_tests::{Broker, Need, Suite, Tool};

fn main() -> ExitCode {
    let mut suite = Suite::new(&[Need::KafkaTools]);
    topics::add_to(&mut suite);
    console::add_to(&mut suite);
    offsets::add_to(&mut suite);
    groups::add_to(&mut suite);
    takeover::add_to(&mut suite);
    producers::add_to(&mut suite);
    dump_log::add_to(&mut suite);
    configs::add_to(&mut suite);
    alter_configs::add_to(&mut suite);
    cluster::add_to(&mut suite);
    several::add_to(&mut suite);
    suite.run()
}

/// A tool of `org.apache.kafka.tools`, told where the broker is.
fn tool(class: &str, broker: &Broker) -> Tool {
    Tool::kafka(&format!("org.apache.kafka.tools.{class}"))
        .args(["--bootstrap-server", &broker.bootstrap()])
}

fn kafka_topics(broker: &Broker) -> Tool {
    tool("TopicCommand", broker)
}

/// A new topic with these options of kafka-topics.
fn create_topic(broker: &Broker, topic: &str, options: &[&str]) {
    kafka_topics(broker)
        .args(["--create", "--topic", topic])
        .args(options)
        .succeed();
}

/// Lines through kafka-console-producer.
fn produce_lines(broker: &Broker, topic: &str, lines: &str) {
    tool("ConsoleProducer", broker)
        .args(["--topic", topic])
        .stdin(lines)
        .succeed();
}
