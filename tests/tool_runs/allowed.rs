//! The lines in which the two brokers' tools may differ, each with the reason.
//!
//! In a pattern `*` stands for anything that both say alike, `…` for anything.

use std::collections::BTreeSet;

/// Lines that only one of the two said.
#[derive(Debug, Default)]
pub(crate) struct Apart<'a> {
    pub(crate) kafka: Vec<&'a str>,
    pub(crate) ottla: Vec<&'a str>,
}

/// An allowed difference: one line instead of the other; where a pattern is empty, a line that only the other has.
pub(crate) struct Allowed {
    /// The beginning of the names of runs.
    pub(crate) runs: &'static str,
    pub(crate) kafka: &'static str,
    pub(crate) ottla: &'static str,
    pub(crate) why: &'static str,
}

const fn differ(
    runs: &'static str,
    kafka: &'static str,
    ottla: &'static str,
    why: &'static str,
) -> Allowed {
    Allowed {
        runs,
        kafka,
        ottla,
        why,
    }
}

const SENTENCE: &str = "a sentence for people; each broker has its own";
const REPLICAS: &str = "Kafka sets it for the cluster when it turns eligible leader replicas on, a feature of its replication";
const BROKER: &str = "kafka-configs --describe --all, a broker";

/// All of them, pairs before lines without a counterpart.
#[rustfmt::skip] // one entry, one glance
pub(crate) static ALLOWED: &[Allowed] = &[
    differ("kafka-broker-api-versions", "*: … [usable: …],", "*: UNSUPPORTED,", "an API that Ottla does not serve"),
    differ("kafka-broker-api-versions", "*: … [usable: …]", "*: UNSUPPORTED", "an API that Ottla does not serve, the last in the list"),
    differ("kafka-topics --", "Error while executing topic command : …", "Error while executing topic command : …", SENTENCE),
    differ("kafka-topics --", "Topic: * Configs: *min.insync.replicas=1,*", "Topic: * Configs: **", REPLICAS),
    differ("kafka-consumer-groups --describe", "Error: * org.apache.kafka.common.errors.*: …", "Error: * org.apache.kafka.common.errors.*: …", SENTENCE),
    differ("kafka-configs --describe", "min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1, *", "min.insync.replicas=1 sensitive=false synonyms={*", REPLICAS),
    differ(BROKER, "advertised.listeners=null *", "advertised.listeners=PLAINTEXT://ADDRESS *", "Ottla says what clients are told"),
    differ(BROKER, "controller.listener.names=CONTROLLER …", "controller.listener.names=null …", "Ottla has no listener for controllers"),
    differ(BROKER, "listener.security.protocol.map=…", "listener.security.protocol.map=…", "a map, in another order"),
    differ(BROKER, "listeners=PLAINTEXT://ADDRESS,CONTROLLER://…", "listeners=PLAINTEXT://ADDRESS …", "Ottla has no listener for controllers; by default it listens on this machine only"),
    differ(BROKER, "log.dir=/tmp/kafka-logs …", "log.dir=null …", "the default is of log.dirs"),
    differ(BROKER, "log.dirs=* synonyms={STATIC_BROKER_CONFIG:log.dirs=DATA}", "log.dirs=* synonyms={STATIC_BROKER_CONFIG:log.dirs=DATA, DEFAULT_CONFIG:log.dirs=./ottla-data}", "has a default of its own"),
    differ(BROKER, "node.id=1 * synonyms={STATIC_BROKER_CONFIG:node.id=1}", "node.id=1 * synonyms={STATIC_BROKER_CONFIG:node.id=1, DEFAULT_CONFIG:node.id=1}", "has a default"),
    differ(BROKER, "process.roles=broker,controller …", "process.roles=broker …", "every node of Ottla does both; the word controller has no use"),
    differ(BROKER, "queued.max.request.bytes=-1 …", "queued.max.request.bytes=268435456 …", "memory for requests has a bound by default"),
    differ(BROKER, "socket.*.buffer.bytes=102400 …", "socket.*.buffer.bytes=-1 …", "the operating system chooses by default"),
    differ("kafka-configs --describe, the loggers", "root=… sensitive=false synonyms={}", "root=… sensitive=false synonyms={}", "the level that it was started with"),
    differ("kafka-features upgrade", "Can not upgrade * to *. …", "Can not upgrade * to *. …", SENTENCE),
    differ("kafka-features downgrade", "Could not disable *. …", "Could not disable *. …", SENTENCE),
    differ("kafka-features describe", "Feature: * Epoch: …", "Feature: * Epoch: …", "an offset in the cluster's metadata"),
    differ("kafka-verifiable-producer", "{\"timestamp\":TIME,\"name\":\"tool_data\",*,\"avg_throughput\":…}", "{\"timestamp\":TIME,\"name\":\"tool_data\",*,\"avg_throughput\":…}", "a rate"),
    differ(BROKER, "…=… sensitive=… synonyms={…}", "", "a setting that Ottla has no use for"),
    differ(BROKER, "", "producer.id.expiration.check.interval.ms=600000 …", "Kafka has it and does not show it"),
    differ(BROKER, "", "ottla.…", "a setting of Ottla's own"),
    differ("kafka-configs --describe, a topic", "", "ottla.flush=…", "a configuration of Ottla's own"),
    differ("kafka-configs --alter, the default of brokers", "min.insync.replicas=1 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:min.insync.replicas=1}", "", REPLICAS),
    differ("kafka-configs --describe, the loggers", "org.apache.kafka.…", "", "names of classes"),
    differ("kafka-configs --describe, the loggers", "", "o…=… sensitive=false synonyms={}", "names of modules"),
    differ("kafka-features describe", "Feature: … Epoch: …", "", "features of Kafka's replication and of groups that Ottla does not serve"),
    differ("kafka-metadata-quorum describe --status", "HighWatermark: …", "HighWatermark: …", "an offset in the cluster's metadata"),
    differ("kafka-metadata-quorum describe --status", "CurrentVoters: [{\"id\": *, …}]", "CurrentVoters: [{\"id\": *, \"directoryId\": …, \"endpoints\": [\"PEER://…\"]}]",
        "Kafka's voters that are named in the configuration have no directory ids, and meet at the listener of controllers"),
    differ("kafka-metadata-quorum describe --replication", "* AAAAAAAAAAAAAAAAAAAAAA … * TIME TIME *", "* ID … * TIME TIME *",
        "offsets in the cluster's metadata; Kafka's voters that are named in the configuration have no directory ids"),
    differ("kafka-metadata-quorum remove-controller", "blames UnsupportedVersionException", "blames VoterNotFoundException",
        "Kafka refuses all such changes where the voters are named in the configuration"),
    differ("kafka-dump-log", "", "baseOffset: N … isControl: true …", "a frame that only the partition's Raft group needs; no fetch returns it"),
];

/// Takes out what is allowed, and notes which entries were needed.
pub(crate) fn remove(run: &str, apart: &mut Apart<'_>, uses: &mut BTreeSet<usize>) {
    for (number, entry) in ALLOWED.iter().enumerate() {
        if !run.starts_with(entry.runs) {
            continue;
        }
        let before = apart.kafka.len() + apart.ottla.len();
        match (entry.kafka, entry.ottla) {
            (kafka, "") => apart.kafka.retain(|line| !matches(kafka, line)),
            ("", ottla) => apart.ottla.retain(|line| !matches(ottla, line)),
            (kafka, ottla) => remove_pairs(kafka, ottla, apart),
        }
        if apart.kafka.len() + apart.ottla.len() < before {
            uses.insert(number);
        }
    }
}

fn remove_pairs(kafka: &str, ottla: &str, apart: &mut Apart<'_>) {
    let Apart {
        kafka: of_kafka,
        ottla: of_ottla,
    } = apart;
    of_kafka.retain(|line| {
        let counterpart = parts(kafka, line).and_then(|parts| {
            let ottla = filled(ottla, &parts);
            of_ottla.iter().position(|line| matches(&ottla, line))
        });
        counterpart.is_none_or(|at| {
            of_ottla.remove(at);
            false
        })
    });
}

fn matches(pattern: &str, line: &str) -> bool {
    parts(pattern, line).is_some()
}

/// What stands in a line where the pattern has its `*`, if it matches; each is as short as it can be.
fn parts<'line>(pattern: &str, line: &'line str) -> Option<Vec<&'line str>> {
    let Some(at) = pattern.find(['*', '…']) else {
        return (pattern == line).then(Vec::new);
    };
    let (start, rest) = pattern.split_at(at);
    let mut rest = rest.chars();
    let is_part = rest.next() == Some('*');
    let line = line.strip_prefix(start)?;
    let ends = line.char_indices().map(|(end, _)| end).chain([line.len()]);
    ends.into_iter().find_map(|end| {
        let mut found = parts(rest.as_str(), &line[end..])?;
        if is_part {
            found.insert(0, &line[..end]);
        }
        Some(found)
    })
}

/// The pattern with these parts in place of its `*`.
fn filled(pattern: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter().copied();
    let mut filled = String::new();
    for c in pattern.chars() {
        match c {
            '*' => filled.push_str(parts.next().expect("both patterns have as many parts")),
            c => filled.push(c),
        }
    }
    filled
}
