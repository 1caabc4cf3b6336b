//! Kafka's message schemas, read from the table that the broker's own shapes are made from.
//!
//! The table is Kafka's (`crates/protocol/facts/messages.tsv`); nothing of Ottla's coding is used, so
//! that a mistake in it cannot hide itself.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const FACTS: &str = include_str!("../../crates/protocol/facts/messages.tsv");

/// A request or a response.
pub(crate) struct Message {
    pub(crate) first_flexible: i16,
    pub(crate) fields: Vec<Field>,
}

/// A field, with those of the struct that it is or that it is an array of.
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) is_array: bool,
    pub(crate) type_name: String,
    versions: Versions,
    nullable: Versions,
    pub(crate) tag: Option<u32>,
    pub(crate) default: String,
    pub(crate) fields: Vec<Field>,
}

impl Field {
    pub(crate) fn is_in(&self, version: i16) -> bool {
        self.versions.contain(version)
    }

    pub(crate) fn may_be_null(&self, version: i16) -> bool {
        self.nullable.contain(version)
    }
}

/// First and last version; no version when empty.
struct Versions(Option<(i16, i16)>);

impl Versions {
    fn read(column: &str) -> Versions {
        let number = |text: &str| text.parse().expect("a version is a number");
        Versions(match column {
            "" | "none" => None,
            _ => Some(match column.strip_suffix('+') {
                Some(first) => (number(first), i16::MAX),
                None => {
                    let (first, last) = column.split_once('-').unwrap_or((column, column));
                    (number(first), number(last))
                }
            }),
        })
    }

    fn contain(&self, version: i16) -> bool {
        self.0
            .is_some_and(|(first, last)| (first..=last).contains(&version))
    }
}

/// The message of this name, such as `FetchRequest`.
pub(crate) fn message(name: &str) -> &'static Message {
    static MESSAGES: OnceLock<BTreeMap<String, Message>> = OnceLock::new();
    MESSAGES
        .get_or_init(read)
        .get(name)
        .unwrap_or_else(|| panic!("no message {name} in the table"))
}

fn read() -> BTreeMap<String, Message> {
    let mut messages = BTreeMap::new();
    for line in FACTS.lines().filter(|line| !line.starts_with('#')) {
        let mut columns: Vec<&str> = line.split('\t').collect();
        columns.resize(11, "");
        let name = columns[1].to_owned();
        if columns[0] == "M" {
            let flexible = Versions::read(columns[5]).0;
            let message = Message {
                first_flexible: flexible.map_or(i16::MAX, |(first, _)| first),
                fields: Vec::new(),
            };
            messages.insert(name, message);
        } else {
            let message = messages
                .get_mut(&name)
                .expect("fields follow their message");
            insert(&mut message.fields, columns[2], &columns);
        }
    }
    messages
}

fn insert(into: &mut Vec<Field>, path: &str, columns: &[&str]) {
    if let Some((parent, rest)) = path.split_once('.') {
        let parent = parent.trim_end_matches("[]");
        let field = into.iter_mut().find(|field| field.name == parent);
        let field = field.expect("a struct's row precedes those of its fields");
        return insert(&mut field.fields, rest, columns);
    }
    into.push(Field {
        name: path.trim_end_matches("[]").to_owned(),
        is_array: path.ends_with("[]"),
        type_name: columns[3].trim_start_matches("[]").to_owned(),
        versions: Versions::read(columns[4]),
        nullable: Versions::read(columns[5]),
        tag: columns[7].parse().ok(),
        default: columns[8].trim_matches('"').to_owned(),
        fields: Vec::new(),
    });
}
