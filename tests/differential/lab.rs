//! Both brokers side by side: what a scenario says is said to both, and their answers are compared.
//!
//! Requests are JSON by Kafka's names (see `codec`). A string `$name` stands for what each broker
//! itself has given out under that name: a topic's id is `$id:orders` once an answer has named it, and
//! a scenario learns others. `$name|hex:...` is a batch of records whose producer has that id. Before
//! answers are compared, what is known by a name is called by it.

use std::collections::BTreeMap;
use std::time::Duration;

use ottla_protocol::api::{ApiKey, ApiSpec};
use ottla_tests::{Broker, wait};
use serde_json::{Value, json};

use crate::allowed::Exchange;
use crate::batches;
use crate::codec;
use crate::compare;
use crate::connection::{Connection, Outcome};
use crate::findings::Findings;

const READY_WITHIN: Duration = Duration::from_secs(20);
const MAIN: &str = "main";
const NO_ID: &str = "00000000000000000000000000000000";

/// A scenario's view of the two.
pub(crate) struct Lab {
    scenario: &'static str,
    kafka: Side,
    ottla: Side,
    connection: String,
    pub(crate) findings: Findings,
}

/// What both said.
#[derive(Clone, Debug)]
pub(crate) struct Answers {
    kafka: Outcome,
    ottla: Outcome,
}

impl Lab {
    pub(crate) fn new(scenario: &'static str, kafka: &Broker, ottla: &Broker) -> Lab {
        Lab {
            scenario,
            kafka: Side::of(kafka),
            ottla: Side::of(ottla),
            connection: MAIN.to_owned(),
            findings: Findings::default(),
        }
    }

    /// What comes next goes over the connection of this name; it is opened when it is first used.
    pub(crate) fn on(&mut self, connection: &str) -> &mut Lab {
        connection.clone_into(&mut self.connection);
        self
    }

    /// Sends a request over both, and compares their answers.
    pub(crate) fn ask(&mut self, api: ApiKey, version: i16, body: Value) -> Answers {
        let connection = self.connection.clone();
        self.send(api, version, body);
        self.on(&connection).receive(api, version)
    }

    /// The same in every version that is served.
    pub(crate) fn ask_in_all(&mut self, api: ApiKey, body: Value) {
        for version in versions(api) {
            self.ask(api, version, body.clone());
        }
    }

    /// Sends without waiting for the answer.
    pub(crate) fn send(&mut self, api: ApiKey, version: i16, body: Value) {
        self.send_as(api, version, Some(version), body);
    }

    /// Sends what the version, served or not, says; the answer is read in another, or none expected.
    pub(crate) fn send_as(&mut self, api: ApiKey, version: i16, read: Option<i16>, body: Value) {
        for side in [&mut self.kafka, &mut self.ottla] {
            side.send(&self.connection, api.spec(), version, read, &body);
        }
        MAIN.clone_into(&mut self.connection);
    }

    /// Compares the answers to the oldest request under way on this connection.
    pub(crate) fn receive(&mut self, api: ApiKey, version: i16) -> Answers {
        let name = self.connection.clone();
        let answers = Answers {
            kafka: self.kafka.receive(&name),
            ottla: self.ottla.receive(&name),
        };
        self.judge(api, version, &answers);
        MAIN.clone_into(&mut self.connection);
        answers
    }

    fn judge(&mut self, api: ApiKey, version: i16, answers: &Answers) {
        let exchange = self.exchange(Some(api));
        let comparison = match (&answers.kafka, &answers.ottla) {
            (Outcome::Answer(kafka), Outcome::Answer(ottla)) => {
                for (side, answer) in [(&mut self.kafka, kafka), (&mut self.ottla, ottla)] {
                    side.learn_topic_ids(answer);
                    side.learn_member_id(api, answer);
                }
                compare::compare(exchange, &self.kafka.named(kafka), &self.ottla.named(ottla))
            }
            (kafka, ottla) => compare::compare_whole(exchange, kafka, ottla),
        };
        self.findings.add(api, version, comparison);
    }

    /// Sends bytes to both over a connection of their own: both answer the same, or both close.
    pub(crate) fn send_raw(&mut self, what: &str, bytes: &[u8]) {
        let outcome = |side: &Side| {
            let mut connection = Connection::open(side.port);
            connection.send_bytes(bytes);
            match connection.receive_frame() {
                Ok(frame) => Outcome::Garbage(codec::hex(&frame)),
                Err(outcome) => outcome,
            }
        };
        let (kafka, ottla) = (outcome(&self.kafka), outcome(&self.ottla));
        let comparison = compare::compare_whole(self.exchange(None), &kafka, &ottla);
        self.findings.add_raw(what, comparison);
    }

    fn exchange(&self, api: Option<ApiKey>) -> Exchange {
        Exchange {
            api,
            scenario: self.scenario,
        }
    }

    /// Names what is at a JSON pointer of the answers, for `$name` in requests and in comparisons.
    pub(crate) fn learn(&mut self, name: &str, answers: &Answers, pointer: &str) {
        for (side, outcome) in [
            (&mut self.kafka, &answers.kafka),
            (&mut self.ottla, &answers.ottla),
        ] {
            let found = match outcome {
                Outcome::Answer(body) => body.pointer(pointer),
                _ => None,
            };
            side.learn(name, found.cloned().unwrap_or(Value::Null));
        }
    }

    /// Asks each until its answer satisfies; nothing of it is compared.
    pub(crate) fn wait_until(
        &mut self,
        api: ApiKey,
        version: i16,
        body: Value,
        holds: impl Fn(&Value) -> bool,
    ) {
        self.repeat_until(api, version, &body, holds);
    }

    /// Asks each until its answer satisfies; then the answers are compared.
    pub(crate) fn ask_until(
        &mut self,
        api: ApiKey,
        version: i16,
        body: &Value,
        holds: impl Fn(&Value) -> bool,
    ) -> Answers {
        let answers = self.repeat_until(api, version, body, holds);
        self.judge(api, version, &answers);
        answers
    }

    fn repeat_until(
        &mut self,
        api: ApiKey,
        version: i16,
        body: &Value,
        holds: impl Fn(&Value) -> bool,
    ) -> Answers {
        let answer_of = |side: &mut Side| {
            let name = side.name;
            wait::until(&format!("{name}: {body}"), READY_WITHIN, || {
                side.send(MAIN, api.spec(), version, Some(version), body);
                match side.receive(MAIN) {
                    Outcome::Answer(answer) if holds(&answer) => {
                        side.learn_topic_ids(&answer);
                        Some(Outcome::Answer(answer))
                    }
                    _ => None,
                }
            })
        };
        Answers {
            kafka: answer_of(&mut self.kafka),
            ottla: answer_of(&mut self.ottla),
        }
    }

    /// A topic with these configurations, led everywhere.
    pub(crate) fn create_topic(&mut self, topic: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs: Vec<Value> = configs
            .iter()
            .map(|(name, value)| json!({ "Name": name, "Value": value }))
            .collect();
        self.ask(
            ApiKey::CreateTopics,
            7,
            json!({ "Topics": [{ "Name": topic, "NumPartitions": partitions, "ReplicationFactor": 1, "Configs": configs }],
                    "timeoutMs": 10_000 }),
        );
        self.wait_for_leaders(topic, partitions);
    }

    /// Waits until all partitions are led, as many as there are to be, and their leader knows of it.
    pub(crate) fn wait_for_leaders(&mut self, topic: &str, partitions: i32) {
        let count = usize::try_from(partitions).expect("a count");
        let all_are_well = |list: Option<&Value>| {
            let list = list.and_then(Value::as_array);
            list.is_some_and(|list| {
                list.len() == count && list.iter().all(|one| one["ErrorCode"] == 0)
            })
        };
        let question = json!({ "Topics": [{ "Name": topic }], "AllowAutoTopicCreation": false });
        self.wait_until(ApiKey::Metadata, 12, question, |answer| {
            all_are_well(answer.pointer("/Topics/0/Partitions"))
        });
        let list: Vec<Value> = (0..partitions)
            .map(|index| json!({ "PartitionIndex": index, "Timestamp": -1 }))
            .collect();
        let question =
            json!({ "ReplicaId": -1, "Topics": [{ "Name": topic, "Partitions": list }] });
        self.wait_until(ApiKey::ListOffsets, 7, question, |answer| {
            all_are_well(answer.pointer("/Topics/0/Partitions"))
        });
    }
}

/// All versions that are served.
pub(crate) fn versions(api: ApiKey) -> std::ops::RangeInclusive<i16> {
    let spec = api.spec();
    spec.min..=spec.max
}

struct Side {
    name: &'static str,
    port: u16,
    folder: String,
    connections: BTreeMap<String, Connection>,
    /// What this broker has given out, by the scenario's name for it.
    known: BTreeMap<String, Value>,
    /// The other way; a name given anew leaves what it meant before.
    names: BTreeMap<String, String>,
    /// How many member ids were learned.
    joined: usize,
}

impl Side {
    fn of(broker: &Broker) -> Side {
        Side {
            name: match broker.kind() {
                ottla_tests::Kind::Kafka => "Kafka",
                ottla_tests::Kind::Ottla => "Ottla",
            },
            port: broker.port(),
            folder: broker.data_folder().display().to_string(),
            connections: BTreeMap::new(),
            known: BTreeMap::new(),
            names: BTreeMap::new(),
            joined: 0,
        }
    }

    fn connection(&mut self, name: &str) -> &mut Connection {
        let port = self.port;
        let open = || Connection::open(port);
        let connection = self.connections.entry(name.to_owned()).or_insert_with(open);
        if connection.is_closed {
            *connection = open();
        }
        connection
    }

    fn send(
        &mut self,
        connection: &str,
        api: &'static ApiSpec,
        version: i16,
        read: Option<i16>,
        body: &Value,
    ) {
        let body = self.filled_in(body);
        self.connection(connection).send(api, version, read, &body);
    }

    fn receive(&mut self, connection: &str) -> Outcome {
        let connection = self.connections.get_mut(connection);
        connection.expect("something was sent on it").receive()
    }

    fn learn(&mut self, name: &str, value: Value) {
        let text = match &value {
            Value::String(text) => text.clone(),
            // Only a producer id is known by its number.
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        if !text.is_empty() {
            let named = || format!("${name}");
            self.names.entry(text).or_insert_with(named);
        }
        self.known.insert(name.to_owned(), value);
    }

    fn learn_topic_ids(&mut self, answer: &Value) {
        match answer {
            Value::Array(elements) => elements.iter().for_each(|one| self.learn_topic_ids(one)),
            Value::Object(fields) => {
                let name = ["Name", "TopicName", "Topic"]
                    .into_iter()
                    .find_map(|name| fields.get(name)?.as_str());
                let id = fields.get("TopicId").and_then(Value::as_str);
                if let (Some(name), Some(id)) = (name, id)
                    && id != NO_ID
                {
                    self.learn(&format!("id:{name}"), json!(id));
                }
                fields.values().for_each(|one| self.learn_topic_ids(one));
            }
            _ => {}
        }
    }

    /// The id of a member that joins is its own; the how manieth it is, is the same on both sides.
    fn learn_member_id(&mut self, api: ApiKey, answer: &Value) {
        if api == ApiKey::JoinGroup {
            let id = &answer["MemberId"];
            let is_new = id.as_str().is_some_and(|id| !self.names.contains_key(id));
            if is_new {
                self.joined += 1;
                self.learn(&format!("joined-{}", self.joined), id.clone());
            }
        }
    }

    fn filled_in(&self, body: &Value) -> Value {
        map_leaves(body, &|_, value| {
            let name = value.as_str()?.strip_prefix('$')?;
            let (name, batch) = match name.split_once('|') {
                Some((name, batch)) => (name, Some(batch)),
                None => (name, None),
            };
            let known = self.known.get(name);
            let known = known.unwrap_or_else(|| panic!("{} gave no {name}", self.name));
            Some(match (batch, known.as_i64()) {
                (Some(batch), Some(id)) => json!(batches::of_producer(batch, id)),
                _ => known.clone(),
            })
        })
    }

    fn named(&self, body: &Value) -> Value {
        map_leaves(body, &|field, value| match value {
            Value::Number(_) if field == "Port" && *value == json!(self.port) => {
                Some(json!("$port"))
            }
            Value::Number(number) if field == "ProducerId" => {
                let name = self.names.get(&number.to_string());
                name.map(|name| json!(name))
            }
            Value::String(text) => match self.names.get(text) {
                Some(name) => Some(json!(name)),
                None if text.contains(&self.folder) => {
                    Some(json!(text.replace(&self.folder, "$folder")))
                }
                None => {
                    let port = format!(":{}", self.port);
                    text.contains(&port)
                        .then(|| json!(text.replace(&port, ":$port")))
                }
            },
            _ => None,
        })
    }
}

/// The same with some leaves replaced; a leaf is shown with the name of its field.
fn map_leaves(value: &Value, replace: &dyn Fn(&str, &Value) -> Option<Value>) -> Value {
    map_named("", value, replace)
}

fn map_named(field: &str, value: &Value, replace: &dyn Fn(&str, &Value) -> Option<Value>) -> Value {
    match value {
        Value::Array(elements) => elements
            .iter()
            .map(|element| map_named(field, element, replace))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), map_named(name, value, replace)))
            .collect(),
        leaf => replace(field, leaf).unwrap_or_else(|| leaf.clone()),
    }
}
