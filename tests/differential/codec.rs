//! JSON to a body on the wire and back, by Kafka's schemas.
//!
//! | in the schema | in JSON |
//! |---|---|
//! | numbers, booleans | the same |
//! | string | a string, or null |
//! | uuid | 32 hexadecimal digits |
//! | bytes, records | a string: the text, or `hex:` and digits where it is none |
//! | array, struct | an array, an object with Kafka's names of the fields |
//!
//! Writing leaves out what the version does not have and fills in Kafka's defaults, so that one JSON
//! serves all versions of a request. A name that no version has is a mistake of the scenario.

use serde_json::{Map, Value, json};

use crate::schema::{Field, Message};

/// Writes a body.
pub(crate) fn encode(message: &Message, version: i16, body: &Value) -> Vec<u8> {
    let mut writer = Writer {
        version,
        flexible: version >= message.first_flexible,
        bytes: Vec::new(),
    };
    writer.fields(&message.fields, body);
    writer.bytes
}

/// Reads a body; `None` when it is not what the schema says, or longer.
pub(crate) fn decode(message: &Message, version: i16, bytes: &[u8]) -> Option<Value> {
    let mut reader = Reader {
        version,
        flexible: version >= message.first_flexible,
        rest: bytes,
    };
    let body = reader.fields(&message.fields)?;
    reader.rest.is_empty().then_some(body)
}

struct Writer {
    version: i16,
    flexible: bool,
    bytes: Vec<u8>,
}

impl Writer {
    fn fields(&mut self, fields: &[Field], body: &Value) {
        let given = body
            .as_object()
            .unwrap_or_else(|| panic!("not an object: {body}"));
        for name in given.keys() {
            assert!(
                fields.iter().any(|field| field.name == *name),
                "no field {name}"
            );
        }
        let present = |field: &&Field| field.is_in(self.version);
        let (plain, tagged): (Vec<&Field>, Vec<&Field>) = fields
            .iter()
            .filter(present)
            .partition(|field| field.tag.is_none());
        for field in plain {
            let value = given.get(&field.name).cloned();
            self.field(field, &value.unwrap_or_else(|| default(field)));
        }
        if self.flexible {
            let tagged: Vec<_> = tagged
                .iter()
                .filter_map(|field| given.get(&field.name).map(|value| (field, value)))
                .collect();
            self.varint(tagged.len());
            for (field, value) in tagged {
                let mut inner = Writer {
                    version: self.version,
                    flexible: true,
                    bytes: Vec::new(),
                };
                inner.field(field, value);
                self.varint(field.tag.expect("tagged fields have a tag") as usize);
                self.varint(inner.bytes.len());
                self.bytes.extend(inner.bytes);
            }
        }
    }

    fn field(&mut self, field: &Field, value: &Value) {
        if field.is_array {
            match value.as_array() {
                None => self.length(None, 4),
                Some(elements) => {
                    self.length(Some(elements.len()), 4);
                    for element in elements {
                        self.value(field, element);
                    }
                }
            }
        } else {
            let is_struct = !field.fields.is_empty();
            if is_struct && field.may_be_null(self.version) {
                self.bytes.push(if value.is_null() { 0xff } else { 1 });
                if value.is_null() {
                    return;
                }
            }
            self.value(field, value);
        }
    }

    fn value(&mut self, field: &Field, value: &Value) {
        let number = || {
            value
                .as_i64()
                .unwrap_or_else(|| panic!("{} is no number: {value}", field.name))
                .to_be_bytes()
        };
        match field.type_name.as_str() {
            "bool" => self
                .bytes
                .push(u8::from(value.as_bool().expect("a boolean"))),
            "int8" => self.bytes.extend(&number()[7..]),
            "int16" | "uint16" => self.bytes.extend(&number()[6..]),
            "int32" | "uint32" => self.bytes.extend(&number()[4..]),
            "int64" => self.bytes.extend(number()),
            "uuid" => self
                .bytes
                .extend(from_hex(value.as_str().expect("a uuid is text"))),
            "string" => self.sized(value.as_str().map(|text| text.as_bytes().to_vec()), 2),
            "bytes" | "records" => self.sized(value.as_str().map(from_text), 4),
            _ => self.fields(&field.fields, value),
        }
    }

    fn sized(&mut self, bytes: Option<Vec<u8>>, width: usize) {
        self.length(bytes.as_ref().map(Vec::len), width);
        self.bytes.extend(bytes.unwrap_or_default());
    }

    fn length(&mut self, length: Option<usize>, width: usize) {
        if self.flexible {
            return self.varint(length.map_or(0, |length| length + 1));
        }
        let length = length.map_or(-1, |length| i64::try_from(length).expect("it is short"));
        self.bytes.extend(&length.to_be_bytes()[8 - width..]);
    }

    fn varint(&mut self, value: usize) {
        let mut rest = value;
        while rest >= 0x80 {
            self.bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.bytes.push(rest as u8);
    }
}

/// What Kafka's message classes hold in a field that nobody set.
fn default(field: &Field) -> Value {
    if field.default == "null" {
        return Value::Null;
    }
    if field.is_array {
        return json!([]);
    }
    match field.type_name.as_str() {
        "bool" => json!(field.default == "true"),
        "string" | "bytes" | "records" => json!(field.default),
        "uuid" => json!("0".repeat(32)),
        _ if !field.fields.is_empty() => json!({}),
        _ => json!(match field.default.strip_prefix("0x") {
            Some(digits) => i64::from_str_radix(digits, 16).expect("a number in the table"),
            None => field.default.parse().unwrap_or(0),
        }),
    }
}

struct Reader<'a> {
    version: i16,
    flexible: bool,
    rest: &'a [u8],
}

impl Reader<'_> {
    fn fields(&mut self, fields: &[Field]) -> Option<Value> {
        let mut body = Map::new();
        let present = |field: &&Field| field.is_in(self.version);
        let (plain, tagged): (Vec<&Field>, Vec<&Field>) = fields
            .iter()
            .filter(present)
            .partition(|field| field.tag.is_none());
        for field in plain {
            body.insert(field.name.clone(), self.field(field)?);
        }
        if self.flexible {
            for _ in 0..self.varint()? {
                let tag = self.varint()?;
                let size = self.varint()?;
                let field = tagged
                    .iter()
                    .find(|field| field.tag == u32::try_from(tag).ok())?;
                let left = self.rest.len().checked_sub(size)?;
                body.insert(field.name.clone(), self.field(field)?);
                if self.rest.len() != left {
                    return None;
                }
            }
        }
        Some(Value::Object(body))
    }

    fn field(&mut self, field: &Field) -> Option<Value> {
        if field.is_array {
            let Some(count) = self.length(4)? else {
                return Some(Value::Null);
            };
            let elements = (0..count).map(|_| self.value(field));
            return elements.collect::<Option<Vec<_>>>().map(Value::Array);
        }
        let is_struct = !field.fields.is_empty();
        if is_struct && field.may_be_null(self.version) && self.take(1)?[0] != 1 {
            return Some(Value::Null);
        }
        self.value(field)
    }

    fn value(&mut self, field: &Field) -> Option<Value> {
        Some(match field.type_name.as_str() {
            "bool" => json!(self.take(1)?[0] != 0),
            "int8" => json!(self.number(1)?),
            "int16" => json!(self.number(2)?),
            "uint16" => json!(self.number(2)? & 0xffff),
            "int32" => json!(self.number(4)?),
            "uint32" => json!(self.number(4)? & 0xffff_ffff),
            "int64" => json!(self.number(8)?),
            "uuid" => json!(hex(self.take(16)?)),
            "string" => match self.length(2)? {
                None => Value::Null,
                Some(size) => json!(std::str::from_utf8(self.take(size)?).ok()?),
            },
            "bytes" => match self.length(4)? {
                None => Value::Null,
                Some(size) => json!(to_text(self.take(size)?)),
            },
            "records" => match self.length(4)? {
                None => Value::Null,
                Some(size) => crate::batches::describe(self.take(size)?),
            },
            _ => self.fields(&field.fields)?,
        })
    }

    /// Null is `Some(None)`.
    fn length(&mut self, width: usize) -> Option<Option<usize>> {
        let length = if self.flexible {
            i64::try_from(self.varint()?).ok()? - 1
        } else {
            self.number(width)?
        };
        Some(usize::try_from(length).ok())
    }

    fn number(&mut self, width: usize) -> Option<i64> {
        let bytes = self.take(width)?;
        let sign = if bytes[0] >= 0x80 { 0xff } else { 0 };
        let mut wide = [sign; 8];
        wide[8 - width..].copy_from_slice(bytes);
        Some(i64::from_be_bytes(wide))
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.take(1)?[0];
            value |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }
}

/// Bytes as a scenario writes them.
fn from_text(text: &str) -> Vec<u8> {
    match text.strip_prefix("hex:") {
        Some(digits) => from_hex(digits),
        None => text.as_bytes().to_vec(),
    }
}

/// Bytes as they are compared.
fn to_text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains(|letter: char| letter.is_control()) => text.to_owned(),
        _ => format!("hex:{}", hex(bytes)),
    }
}

/// Two digits a byte.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(digits: &str) -> Vec<u8> {
    assert!(digits.len().is_multiple_of(2), "half a byte: {digits}");
    (0..digits.len() / 2)
        .map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16))
        .collect::<Result<_, _>>()
        .unwrap_or_else(|_| panic!("not hexadecimal: {digits}"))
}
