//! Makes the shapes that the bounded walk follows (`src/shape/`) from `facts/messages.tsv`.
//!
//! Each message becomes one `pub static` named as Kafka names the message; structs within it are nested literals.
//! A row that is not understood stops the build: a schema read half would let bytes through unchecked.

use std::fmt::Write as _;
use std::path::Path;

const FACTS: &str = "facts/messages.tsv";

fn main() {
    println!("cargo::rerun-if-changed={FACTS}");
    println!("cargo::rerun-if-changed=build.rs");
    let facts = std::fs::read_to_string(FACTS).expect("the schema rows are part of the crate");
    let messages = read_messages(&facts);
    let mut generated = String::new();
    for message in &messages {
        write_message(&mut generated, message);
    }
    write_index(&mut generated, &messages);
    let folder = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(Path::new(&folder).join("shapes.rs"), generated).expect("OUT_DIR is writable");
}

struct Message {
    name: String,
    api_key: i16,
    is_request: bool,
    valid_versions: String,
    first_flexible: i16,
    body: Struct,
}

#[derive(Default)]
struct Struct {
    fields: Vec<Field>,
}

struct Field {
    name: String,
    is_array: bool,
    type_name: String,
    versions: String,
    nullable: String,
    tag: Option<u32>,
    /// Fields of the struct that this field is, or is an array of.
    inner: Struct,
}

fn read_messages(facts: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in facts.lines().filter(|line| !line.starts_with('#')) {
        let mut columns: Vec<&str> = line.split('\t').collect();
        columns.resize(11, "");
        match columns[0] {
            "M" => messages.push(Message {
                name: columns[1].to_owned(),
                api_key: columns[3].parse().expect("an API key is a number"),
                is_request: columns[2] == "request",
                valid_versions: columns[4].to_owned(),
                first_flexible: read_first_flexible(columns[5]),
                body: Struct::default(),
            }),
            "F" => {
                let message = messages.last_mut().expect("fields follow their message");
                assert_eq!(message.name, columns[1], "fields follow their message");
                insert_field(&mut message.body, columns[2], &columns);
            }
            kind => panic!("unknown kind of row: {kind}"),
        }
    }
    messages
}

fn insert_field(into: &mut Struct, path: &str, columns: &[&str]) {
    if let Some((parent, rest)) = path.split_once('.') {
        let parent = parent.trim_end_matches("[]");
        let field = into.fields.iter_mut().find(|field| field.name == parent);
        insert_field(
            &mut field
                .expect("a struct's row precedes those of its fields")
                .inner,
            rest,
            columns,
        );
        return;
    }
    let (type_name, is_array) = match columns[3].strip_prefix("[]") {
        Some(element) => (element, true),
        None => (columns[3], false),
    };
    assert_eq!(
        is_array,
        path.ends_with("[]"),
        "{path}: arrays are marked in path and type"
    );
    let tag = (!columns[7].is_empty()).then(|| columns[7].parse().expect("a tag is a number"));
    assert!(
        tag.is_none() || columns[6] == columns[4],
        "{path}: tagged in all its versions or in none"
    );
    into.fields.push(Field {
        name: path.trim_end_matches("[]").to_owned(),
        is_array,
        type_name: type_name.to_owned(),
        versions: columns[4].to_owned(),
        nullable: columns[5].to_owned(),
        tag,
        inner: Struct::default(),
    });
}

fn read_first_flexible(column: &str) -> i16 {
    if column == "none" {
        return i16::MAX;
    }
    column
        .strip_suffix('+')
        .expect("flexible versions are open-ended")
        .parse()
        .expect("a version is a number")
}

fn write_message(out: &mut String, message: &Message) {
    let Message {
        name,
        first_flexible,
        body,
        ..
    } = message;
    writeln!(out, "pub static {name}: Shape = Shape {{ name: {name:?}, first_flexible: {first_flexible}, body: ")
        .and_then(|()| {
            write_struct(out, body);
            writeln!(out, "}};")
        })
        .expect("writing to a String does not fail");
}

/// For tests that hold all shapes against what is known of all messages.
fn write_index(out: &mut String, messages: &[Message]) {
    out.push_str("#[cfg(test)] pub(crate) static ALL: &[TableRow] = &[");
    for message in messages {
        let Message {
            name,
            api_key,
            is_request,
            valid_versions,
            ..
        } = message;
        let versions = versions_literal(valid_versions);
        out.push_str(&format!(
            "TableRow {{ api_key: {api_key}, is_request: {is_request}, versions: {versions}, shape: &{name} }}, "
        ));
    }
    out.push_str("];");
}

fn write_struct(out: &mut String, body: &Struct) {
    let (tagged, plain): (Vec<&Field>, Vec<&Field>) =
        body.fields.iter().partition(|field| field.tag.is_some());
    out.push_str("Struct { fields: &[");
    for field in plain {
        write_field(out, field);
        out.push_str(", ");
    }
    out.push_str("], tagged: &[");
    for field in tagged {
        write!(out, "({}, ", field.tag.expect("partitioned by it"))
            .expect("writing to a String does not fail");
        write_field(out, field);
        out.push_str("), ");
    }
    write!(out, "], decoded_bytes: {} }}", decoded_struct_bytes(body))
        .expect("writing to a String does not fail");
}

fn write_field(out: &mut String, field: &Field) {
    let Field {
        name,
        versions,
        nullable,
        ..
    } = field;
    let (versions, nullable) = (versions_literal(versions), versions_literal(nullable));
    write!(
        out,
        "Field {{ name: {name:?}, versions: {versions}, nullable: {nullable}, kind: "
    )
    .expect("writing to a String does not fail");
    if field.is_array {
        out.push_str("Kind::Array(");
        write_element(out, field);
        out.push(')');
    } else {
        write_single(out, field);
    }
    out.push_str(" }");
}

fn write_single(out: &mut String, field: &Field) {
    match field.type_name.as_str() {
        "string" => out.push_str("Kind::String"),
        "bytes" | "records" => out.push_str("Kind::Bytes"),
        type_name => match fixed_bytes(type_name) {
            Some(bytes) => out.push_str(&format!("Kind::Fixed({bytes})")),
            None => {
                assert!(
                    !field.inner.fields.is_empty(),
                    "{type_name} is neither primitive nor a struct with fields"
                );
                out.push_str("Kind::Struct(&");
                write_struct(out, &field.inner);
                out.push(')');
            }
        },
    }
}

fn write_element(out: &mut String, field: &Field) {
    match field.type_name.as_str() {
        "string" => out.push_str("Element::String"),
        type_name => match fixed_bytes(type_name) {
            Some(bytes) => out.push_str(&format!("Element::Fixed({bytes})")),
            None => {
                assert!(
                    !field.inner.fields.is_empty(),
                    "{type_name} is neither primitive nor a struct with fields"
                );
                out.push_str("Element::Struct(&");
                write_struct(out, &field.inner);
                out.push(')');
            }
        },
    }
}

fn fixed_bytes(type_name: &str) -> Option<u32> {
    match type_name {
        "bool" | "int8" => Some(1),
        "int16" | "uint16" => Some(2),
        "int32" | "uint32" => Some(4),
        "int64" | "float64" => Some(8),
        "uuid" => Some(16),
        _ => None,
    }
}

fn versions_literal(column: &str) -> String {
    let (first, last) = match (column.strip_suffix('+'), column.split_once('-')) {
        _ if column.is_empty() => (1, 0),
        (Some(first), _) => (version(first), i16::MAX),
        (None, Some((first, last))) => (version(first), version(last)),
        (None, None) => (version(column), version(column)),
    };
    format!("Versions {{ first: {first}, last: {last} }}")
}

fn version(text: &str) -> i16 {
    text.parse().expect("a version is a number")
}

/// The size in memory of the struct that kafka-protocol decodes this to: a field for every version, and a map of
/// unknown tagged fields.
fn decoded_struct_bytes(body: &Struct) -> u32 {
    const TAGGED_FIELDS_MAP_BYTES: u32 = 24;
    let fields: u32 = body.fields.iter().map(decoded_field_bytes).sum();
    (fields + TAGGED_FIELDS_MAP_BYTES).next_multiple_of(8)
}

fn decoded_field_bytes(field: &Field) -> u32 {
    const VEC_BYTES: u32 = 24;
    const SHARED_BYTES_BYTES: u32 = 32;
    match (field.is_array, field.type_name.as_str()) {
        (true, _) => VEC_BYTES,
        (false, "string" | "bytes" | "records") => SHARED_BYTES_BYTES,
        (false, type_name) => {
            fixed_bytes(type_name).unwrap_or_else(|| decoded_struct_bytes(&field.inner))
        }
    }
}
