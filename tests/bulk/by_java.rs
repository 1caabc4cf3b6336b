//! In by Kafka's producer-perf-test, counted by the Java consumer.
//!
//! Not by Kafka's consumer-perf-test: that one joins a group.

use ottla_tests::{Broker, Tool};

use crate::{Options, TOPIC, WITHIN, judge, measured};

/// Produces, counts, and fails unless the numbers agree.
pub(crate) fn prove(options: &Options) -> Result<(), String> {
    let broker = options.start_broker()?;
    create_topic(&broker, options);
    let perf_test = Tool::kafka("org.apache.kafka.tools.ProducerPerformance")
        .args(["--bootstrap-server", &broker.bootstrap(), "--topic", TOPIC])
        .args(["--num-records", &options.record_count().to_string()])
        .args(["--record-size", &options.record_bytes.to_string()])
        .args(["--throughput", "-1"])
        .args(producer_settings(options))
        .within(WITHIN);
    let finished = measured("produced by Java", &broker, options.gib, || {
        perf_test.succeed()
    })?;
    println!("{}", finished.lines().last().unwrap_or(&""));
    judge::read_back(&broker, options)?;
    Ok(())
}

fn create_topic(broker: &Broker, options: &Options) {
    Tool::kafka("org.apache.kafka.tools.TopicCommand")
        .args([
            "--bootstrap-server",
            &broker.bootstrap(),
            "--create",
            "--topic",
            TOPIC,
        ])
        .args(["--partitions", &options.partitions.to_string()])
        .succeed();
}

fn producer_settings(options: &Options) -> Vec<String> {
    let settings = options.producer.iter();
    settings
        .flat_map(|(key, value)| ["--command-property".to_owned(), format!("{key}={value}")])
        .collect()
}
