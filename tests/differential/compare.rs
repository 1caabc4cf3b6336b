//! Two answers, field by field.
//!
//! An answer is flattened to its leaves: a path (`Topics[orders].Partitions[0].ErrorCode`) and a value.
//! Elements of arrays are found by what names them, so order does not count where Kafka's is that of
//! a hash map; where it carries meaning ([`ORDERED`]) they are found by their place.

use std::collections::BTreeMap;

use ottla_protocol::api::ApiKey;
use serde_json::{Value, json};

use crate::allowed::{self, Exchange, Use};
use crate::connection::Outcome;

/// Fields that name an element.
const NAMES: &[&str] = &[
    "ApiKey",
    "BatchIndex",
    "BrokerId",
    "GroupId",
    "GroupInstanceId",
    "Index",
    "Key",
    "LogDir",
    "MemberId",
    "Name",
    "NodeId",
    "Partition",
    "PartitionIndex",
    "ProducerId",
    "ResourceName",
    "ResourceType",
    "Topic",
    "TopicId",
    "TopicName",
    "TransactionalId",
];
/// Arrays whose order is Kafka's promise.
const ORDERED: &[(ApiKey, &str)] = &[
    (ApiKey::DescribeConfigs, "Results[].Configs[].Synonyms"),
    (ApiKey::DescribeTopicPartitions, "Topics"),
    (ApiKey::DescribeTopicPartitions, "Topics[].Partitions"),
    (ApiKey::ListOffsets, "Topics"),
];

/// Arrays of numbers that Kafka takes from a hash set.
const SETS: &[(ApiKey, &str)] = &[(
    ApiKey::DescribeTransactions,
    "TransactionStates[].Topics[].Partitions",
)];

/// A field in which the answers differ, not by what is allowed.
#[derive(Clone, Debug)]
pub(crate) struct Difference {
    pub(crate) path: String,
    /// The path without what names the elements on it.
    pub(crate) pattern: String,
    pub(crate) kafka: String,
    pub(crate) ottla: String,
}

/// What a comparison found.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) fields: usize,
    pub(crate) differences: Vec<Difference>,
    pub(crate) allowed: Vec<Use>,
}

/// Compares bodies that are already free of what either broker was given: ports, ids, folders.
pub(crate) fn compare(exchange: Exchange, kafka: &Value, ottla: &Value) -> Comparison {
    let [kafka, ottla] = [kafka, ottla].map(|body| leaves(exchange.api, body));
    let mut found = Comparison {
        fields: kafka.len(),
        ..Comparison::default()
    };
    let paths: std::collections::BTreeSet<_> = kafka.keys().chain(ottla.keys()).collect();
    let mut missing: Option<&str> = None;
    for path in paths {
        // An element that one side lacks is one difference, whatever is in it.
        if missing.is_some_and(|element| {
            path.strip_prefix(element)
                .is_some_and(|rest| rest.starts_with('.'))
        }) {
            continue;
        }
        let sides = (kafka.get(path), ottla.get(path));
        if sides.0.map(|leaf| &leaf.value) == sides.1.map(|leaf| &leaf.value) {
            continue;
        }
        if sides.0.is_none() || sides.1.is_none() {
            missing = Some(path);
        }
        let pattern = &sides.0.or(sides.1).expect("one of them has it").pattern;
        let values = (
            sides.0.map(|leaf| &leaf.value),
            sides.1.map(|leaf| &leaf.value),
        );
        match allowed::find(exchange, pattern, path, values) {
            Some(used) => found.allowed.push(used),
            None => found.differences.push(Difference {
                path: path.clone(),
                pattern: pattern.clone(),
                kafka: shown(values.0),
                ottla: shown(values.1),
            }),
        }
    }
    found
}

/// The path of an answer as a whole.
const WHOLE: &str = "(the whole answer)";

/// Compares what came where it is not two answers with a body.
pub(crate) fn compare_whole(exchange: Exchange, kafka: &Outcome, ottla: &Outcome) -> Comparison {
    let mut found = Comparison {
        fields: 1,
        ..Comparison::default()
    };
    if kafka == ottla {
        return found;
    }
    let kinds = [kafka, ottla].map(|outcome| json!(outcome.kind()));
    match allowed::find(exchange, WHOLE, WHOLE, (Some(&kinds[0]), Some(&kinds[1]))) {
        Some(used) => found.allowed.push(used),
        None => found.differences.push(Difference {
            path: WHOLE.to_owned(),
            pattern: WHOLE.to_owned(),
            kafka: format!("{kafka:?}"),
            ottla: format!("{ottla:?}"),
        }),
    }
    found
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), Value::to_string)
}

struct Leaf {
    pattern: String,
    value: Value,
}

fn leaves(api: Option<ApiKey>, body: &Value) -> BTreeMap<String, Leaf> {
    let mut leaves = BTreeMap::new();
    flatten(api, body, "", "", &mut leaves);
    leaves
}

fn flatten(
    api: Option<ApiKey>,
    value: &Value,
    path: &str,
    pattern: &str,
    leaves: &mut BTreeMap<String, Leaf>,
) {
    let dotted = |before: &str, name: &str| match before {
        "" => name.to_owned(),
        _ => format!("{before}.{name}"),
    };
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(
                    api,
                    value,
                    &dotted(path, name),
                    &dotted(pattern, name),
                    leaves,
                );
            }
        }
        Value::Array(elements) => {
            // That it is there, and not null, is a leaf too.
            insert(leaves, path, pattern, json!([]));
            let ordered = api.is_some_and(|api| ORDERED.contains(&(api, pattern)));
            let mut elements: Vec<&Value> = elements.iter().collect();
            if api.is_some_and(|api| SETS.contains(&(api, pattern))) {
                elements.sort_by_key(|element| element.as_i64());
            }
            for (at, element) in elements.into_iter().enumerate() {
                let name = name_of(element).filter(|_| !ordered);
                let mut inner = format!("{path}[{}]", name.unwrap_or_else(|| at.to_string()));
                while leaves.contains_key(&inner) {
                    inner.push('+'); // the same name again
                }
                if element.is_object() {
                    insert(leaves, &inner, &format!("{pattern}[]"), json!({}));
                }
                flatten(api, element, &inner, &format!("{pattern}[]"), leaves);
            }
        }
        leaf => insert(leaves, path, pattern, leaf.clone()),
    }
}

fn insert(leaves: &mut BTreeMap<String, Leaf>, path: &str, pattern: &str, value: Value) {
    let pattern = pattern.to_owned();
    leaves.insert(path.to_owned(), Leaf { pattern, value });
}

fn name_of(element: &Value) -> Option<String> {
    let fields = element.as_object()?;
    let has_name = ["Name", "Topic", "TopicName"]
        .iter()
        .any(|name| fields.get(*name).is_some_and(Value::is_string));
    let names: Vec<String> = NAMES
        .iter()
        // Who has a name is known by it.
        .filter(|name| !(has_name && **name == "TopicId"))
        .filter_map(|name| match fields.get(*name)? {
            Value::String(text) => Some(text.chars().take(40).collect()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect();
    (!names.is_empty()).then(|| names.join(" "))
}
