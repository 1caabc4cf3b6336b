//! Values of configuration keys: from text as Kafka's `ConfigDef` reads it, and back as Java
//! prints it.
//!
//! Known differences, on purpose: digits are ASCII only (Java takes those of every script), and
//! floating-point numbers in hexadecimal are refused.

use std::fmt;

use super::Kind;

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// For [`Kind::Boolean`].
    Boolean(bool),
    /// For [`Kind::String`].
    String(String),
    /// For [`Kind::Int`].
    Int(i32),
    /// For [`Kind::Long`].
    Long(i64),
    /// For [`Kind::Double`].
    Double(f64),
    /// For [`Kind::List`].
    List(Vec<String>),
}

/// The text is not a value of the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither true nor false.
    #[error("only true and false are allowed")]
    Boolean,
    /// Not a number, or one that is too large for its type.
    #[error("it is not a number of type {}", .0.name())]
    Number(Kind),
}

impl Value {
    /// Reads `text` as a value of `kind`.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, ParseError> {
        let text = trim(text);
        match kind {
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Kind::Boolean => Err(ParseError::Boolean),
            Kind::String => Ok(Value::String(text.to_owned())),
            Kind::Int => text
                .parse()
                .map(Value::Int)
                .map_err(|_| ParseError::Number(kind)),
            Kind::Long => text
                .parse()
                .map(Value::Long)
                .map_err(|_| ParseError::Number(kind)),
            Kind::Double => parse_double(text)
                .map(Value::Double)
                .ok_or(ParseError::Number(kind)),
            Kind::List => Ok(Value::List(parse_list(text))),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => value.fmt(f),
            Value::String(value) => value.fmt(f),
            Value::Int(value) => value.fmt(f),
            Value::Long(value) => value.fmt(f),
            Value::Double(value) => f.write_str(&double_text(*value)),
            Value::List(items) => f.write_str(&items.join(",")),
        }
    }
}

/// Java's `String.trim`: everything up to the blank goes, control characters too.
fn trim(text: &str) -> &str {
    text.trim_matches(|symbol| symbol <= ' ')
}

/// An empty text is the empty list; otherwise every comma separates two items, empty or not.
fn parse_list(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    // What `\s` means in Java: blank, tab, line feed, vertical tab, form feed, carriage return.
    let is_space = |symbol| matches!(symbol, ' ' | '\t'..='\r');
    text.split(',')
        .map(|item| item.trim_matches(is_space).to_owned())
        .collect()
}

fn parse_double(text: &str) -> Option<f64> {
    match text {
        "NaN" | "+NaN" | "-NaN" => return Some(f64::NAN),
        "Infinity" | "+Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let digits = text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text);
    // Rust would also take words such as `inf`.
    let is_number = |symbol: char| symbol.is_ascii_digit() || "+-.eE".contains(symbol);
    digits.chars().all(is_number).then(|| digits.parse().ok())?
}

/// Java's `Double.toString`: plain between a thousandth and ten million, else with an exponent;
/// always a digit after the point.
fn double_text(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').expect("the format writes an exponent");
    let point = if digits.contains('.') { "" } else { ".0" };
    format!("{digits}{point}E{exponent}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kind: Kind, text: &str, expected: &str) {
        assert_eq!(
            Value::parse(kind, text).unwrap().to_string(),
            expected,
            "{text:?}"
        );
    }

    #[track_caller]
    fn refused(kind: Kind, texts: &[&str]) {
        for text in texts {
            assert!(Value::parse(kind, text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn booleans_are_two_words_in_any_case() {
        check(Kind::Boolean, "TRUE", "true");
        check(Kind::Boolean, " False\t", "false");
        refused(Kind::Boolean, &["yes", "1", ""]);
    }

    #[test]
    fn whole_numbers_are_decimal_with_a_sign_and_fit_their_type() {
        check(Kind::Int, " +5 ", "5");
        check(Kind::Int, "-0", "0");
        check(Kind::Int, "2147483647", "2147483647");
        check(Kind::Long, " -9223372036854775808", "-9223372036854775808");
        refused(
            Kind::Int,
            &["2147483648", "", "+", "1_000", "1.0", "0x10", "5L", "1 0"],
        );
        refused(Kind::Long, &["9223372036854775808", "x"]);
    }

    #[test]
    fn doubles_are_read_and_written_as_java_does() {
        for (text, expected) in [
            ("0", "0.0"),
            ("1", "1.0"),
            ("1e-1", "0.1"),
            ("0.5d", "0.5"),
            ("0.5f", "0.5"),
            (".5", "0.5"),
            ("5.", "5.0"),
            (" +0.25 ", "0.25"),
            ("1e-4", "1.0E-4"),
            ("0.001", "0.001"),
            ("0.000123", "1.23E-4"),
            ("12345678", "1.2345678E7"),
            ("9999999", "9999999.0"),
            ("-0", "-0.0"),
            ("1e400", "Infinity"),
            ("NaN", "NaN"),
            ("-Infinity", "-Infinity"),
            ("0.3333333333333333333", "0.3333333333333333"),
        ] {
            check(Kind::Double, text, expected);
        }
        refused(
            Kind::Double,
            &["1e", "0.5x", "nan", "inf", "infinity", "", ".", "d", "1dd"],
        );
    }

    #[test]
    fn lists_keep_empty_items_but_an_empty_text_has_none() {
        for (text, expected) in [
            ("", &[][..]),
            ("  ", &[]),
            ("a", &["a"]),
            (" a ,\tb ", &["a", "b"]),
            ("a,,b", &["a", "", "b"]),
            (",", &["", ""]),
        ] {
            let expected = expected.iter().map(|item| (*item).to_owned()).collect();
            assert_eq!(
                Value::parse(Kind::List, text),
                Ok(Value::List(expected)),
                "{text:?}"
            );
        }
        check(Kind::List, " 0:1 , 1:2", "0:1,1:2");
    }

    #[test]
    fn text_loses_only_what_stands_around_it() {
        check(Kind::String, " a b\u{1} ", "a b");
    }
}
