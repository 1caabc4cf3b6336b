//! Bytes that may not be text, for JSON: a string if they are UTF-8, else base64 (RFC 4648) under a name that says so.

use serde_json::{Map, Value};

/// Sets `name` to the bytes as text, or `name_base64` to their base64; null where there are none.
pub(crate) fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    let (name, value) = match bytes {
        None => (name.to_owned(), Value::Null),
        Some(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => (name.to_owned(), Value::from(text)),
            Err(_) => (format!("{name}_base64"), Value::from(base64(bytes))),
        },
    };
    object.insert(name, value);
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let bits = chunk
            .iter()
            .fold(0u32, |bits, &byte| bits << 8 | u32::from(byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit)) & 0x3f;
            let is_padding = digit > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[value as usize])
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn text_stays_text_and_other_bytes_say_that_they_are_not() {
        let mut object = Map::new();
        insert_bytes(&mut object, "key", Some("ü".as_bytes()));
        insert_bytes(&mut object, "value", Some(&[0xff]));
        insert_bytes(&mut object, "other", None);
        assert_eq!(
            Value::Object(object).to_string(),
            r#"{"key":"ü","other":null,"value_base64":"/w=="}"#
        );
    }
}
