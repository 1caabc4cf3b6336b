//! kafka-verifiable-producer and kafka-producer-perf-test.

use ottla_tests::{Broker, Suite};
use serde_json::Value;

use crate::{create_topic, tool};

pub(crate) fn add_to(suite: &mut Suite) {
    suite
        .case(
            "verifiable_producer_has_every_record_acknowledged",
            verifiable,
        )
        .case("producer_perf_test_writes_what_it_says", perf_test);
}

fn verifiable(broker: &Broker) {
    let topic = "producers-verifiable";
    create_topic(broker, topic, &[]);
    for acks in ["-1", "1"] {
        let run = tool("VerifiableProducer", broker)
            .args(["--topic", topic, "--max-messages", "500", "--acks", acks])
            .succeed();
        let events: Vec<Value> = run
            .lines()
            .iter()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        let named = |name: &str| {
            let name = name.to_owned();
            events.iter().filter(move |event| event["name"] == name)
        };
        let offsets: Vec<u64> = named("producer_send_success")
            .map(|event| event["offset"].as_u64().expect("an offset is a number"))
            .collect();
        let first = if acks == "-1" { 0 } else { 500 };
        assert_eq!(offsets, (first..first + 500).collect::<Vec<u64>>());
        let summary = named("tool_data").next().expect("the tool sums up");
        assert_eq!(
            (&summary["sent"], &summary["acked"]),
            (&500.into(), &500.into())
        );
    }
}

fn perf_test(broker: &Broker) {
    let topic = "producers-perf";
    create_topic(broker, topic, &[]);
    tool("ProducerPerformance", broker)
        .args(["--topic", topic, "--num-records", "20000"])
        .args(["--record-size", "200", "--throughput", "-1"])
        .succeed()
        .says("20000 records sent");
    tool("GetOffsetShell", broker)
        .args(["--topic", topic])
        .succeed()
        .prints(&["producers-perf:0:20000"]);
}
