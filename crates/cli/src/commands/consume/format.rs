//! A record to text: a template as kcat's users know it, or JSON.
//!
//! | token | what |
//! |---|---|
//! | `%s` `%S` | value, its size (−1 if null) |
//! | `%k` `%K` | key, its size (−1 if null) |
//! | `%t` `%p` `%o` | topic, partition, offset |
//! | `%T` | timestamp, milliseconds since the epoch |
//! | `%h` | headers, `name=value` joined by commas |
//! | `%%` | a percent sign |
//! | `\n` `\r` `\t` `\0` `\\` | line feed, carriage return, tab, NUL, backslash |

use std::io;

use bytes::Bytes;
use ottla_client::TopicPartition;
use ottla_protocol::records::Record;
use serde_json::{Map, Value};

use crate::encoding::insert_bytes;
use crate::output::Output;

/// What stands where a key or value is null.
const NULL: &[u8] = b"null";

/// How records are written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Format {
    Template(Vec<Piece>),
    Json,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Piece {
    Text(Vec<u8>),
    Value,
    ValueSize,
    Key,
    KeySize,
    Topic,
    Partition,
    Offset,
    Timestamp,
    Headers,
}

/// Reads a template.
pub(super) fn parse_template(text: &str) -> Result<Format, String> {
    let mut pieces = Vec::new();
    let mut plain = Vec::new();
    let mut rest = text.chars();
    while let Some(symbol) = rest.next() {
        let piece = match symbol {
            '%' => match token(rest.next())? {
                Some(piece) => piece,
                None => {
                    plain.push(b'%');
                    continue;
                }
            },
            '\\' => {
                plain.push(escaped(rest.next())?);
                continue;
            }
            other => {
                plain.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        pieces.push(piece);
    }
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(Format::Template(pieces))
}

/// What stands behind a percent sign; `None` is the sign itself.
fn token(symbol: Option<char>) -> Result<Option<Piece>, String> {
    Ok(Some(match symbol {
        Some('s') => Piece::Value,
        Some('S') => Piece::ValueSize,
        Some('k') => Piece::Key,
        Some('K') => Piece::KeySize,
        Some('t') => Piece::Topic,
        Some('p') => Piece::Partition,
        Some('o') => Piece::Offset,
        Some('T') => Piece::Timestamp,
        Some('h') => Piece::Headers,
        Some('%') => return Ok(None),
        Some(other) => {
            return Err(format!(
                "%{other} is not known: %s %S %k %K %t %p %o %T %h and %% are"
            ));
        }
        None => return Err("a % stands alone at the end".to_owned()),
    }))
}

fn escaped(symbol: Option<char>) -> Result<u8, String> {
    match symbol {
        Some('n') => Ok(b'\n'),
        Some('r') => Ok(b'\r'),
        Some('t') => Ok(b'\t'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some(other) => Err(format!(
            "\\{other} is not known: \\n \\r \\t \\0 and \\\\ are"
        )),
        None => Err("a \\ stands alone at the end".to_owned()),
    }
}

impl Format {
    /// Writes one record.
    pub(super) fn write(
        &self,
        partition: &TopicPartition,
        record: &Record,
        output: &mut Output,
    ) -> io::Result<()> {
        match self {
            Format::Json => output.json(&json(partition, record)),
            Format::Template(pieces) => pieces
                .iter()
                .try_for_each(|piece| output.bytes(&piece.bytes(partition, record))),
        }
    }
}

impl Piece {
    fn bytes<'a>(
        &'a self,
        partition: &'a TopicPartition,
        record: &'a Record,
    ) -> std::borrow::Cow<'a, [u8]> {
        use std::borrow::Cow::{Borrowed, Owned};
        let number = |number: i64| Owned(number.to_string().into_bytes());
        let size =
            |field: &Option<Bytes>| number(field.as_ref().map_or(-1, |bytes| bytes.len() as i64));
        match self {
            Piece::Text(text) => Borrowed(text),
            Piece::Value => Borrowed(record.value.as_deref().unwrap_or(NULL)),
            Piece::ValueSize => size(&record.value),
            Piece::Key => Borrowed(record.key.as_deref().unwrap_or(NULL)),
            Piece::KeySize => size(&record.key),
            Piece::Topic => Borrowed(partition.topic.as_bytes()),
            Piece::Partition => number(partition.partition.into()),
            Piece::Offset => number(record.offset),
            Piece::Timestamp => number(record.timestamp),
            Piece::Headers => Owned(headers(record)),
        }
    }
}

fn headers(record: &Record) -> Vec<u8> {
    let header = |header: &ottla_protocol::records::RecordHeader| {
        [
            header.key.as_ref(),
            b"=",
            header.value.as_deref().unwrap_or(NULL),
        ]
        .concat()
    };
    let headers: Vec<Vec<u8>> = record.headers.iter().map(header).collect();
    headers.join(&b',')
}

fn json(partition: &TopicPartition, record: &Record) -> Value {
    let mut object = Map::new();
    object.insert("topic".to_owned(), partition.topic.as_ref().into());
    object.insert("partition".to_owned(), partition.partition.into());
    object.insert("offset".to_owned(), record.offset.into());
    object.insert("timestamp".to_owned(), record.timestamp.into());
    insert_bytes(&mut object, "key", record.key.as_deref());
    insert_bytes(&mut object, "value", record.value.as_deref());
    let headers = record.headers.iter().map(|header| {
        let mut object = Map::new();
        insert_bytes(&mut object, "name", Some(&header.key));
        insert_bytes(&mut object, "value", header.value.as_deref());
        Value::Object(object)
    });
    object.insert("headers".to_owned(), headers.collect());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use ottla_protocol::records::RecordHeader;

    use super::*;

    fn record() -> Record {
        let header = |key: &'static str, value: Option<&'static str>| RecordHeader {
            key: key.into(),
            value: value.map(Bytes::from),
        };
        Record {
            offset: 42,
            timestamp: 1000,
            key: None,
            value: Some("v".into()),
            headers: vec![header("a", Some("1")), header("b", None)],
        }
    }

    fn formatted(template: &str) -> String {
        let Format::Template(pieces) = parse_template(template).unwrap() else {
            panic!("a template is a template");
        };
        let partition = TopicPartition::new("t", 3);
        let record = record();
        let text = pieces
            .iter()
            .flat_map(|piece| piece.bytes(&partition, &record).into_owned());
        String::from_utf8(text.collect()).unwrap()
    }

    #[test]
    fn a_template_takes_every_token_and_escape() {
        assert_eq!(formatted("%t/%p@%o %T [%h]"), "t/3@42 1000 [a=1,b=null]");
        assert_eq!(formatted("%k:%K %s:%S"), "null:-1 v:1");
        assert_eq!(formatted("ü %%\\t\\\\\\n"), "ü %\t\\\n");
    }

    #[test]
    fn a_template_that_makes_no_sense_is_refused() {
        for template in ["%", "%x", "\\", "\\q"] {
            assert!(parse_template(template).is_err(), "{template}");
        }
    }

    #[test]
    fn json_has_all_of_a_record() {
        let json = json(&TopicPartition::new("t", 3), &record());
        let expected = r#"{"headers":[{"name":"a","value":"1"},{"name":"b","value":null}],"key":null,"offset":42,"partition":3,"timestamp":1000,"topic":"t","value":"v"}"#;
        assert_eq!(json.to_string(), expected);
    }
}
