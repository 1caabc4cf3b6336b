//! What a setting is: its name, type, default and the values it takes.
//!
//! A text becomes a [`Value`] here or is refused with a [`Fault`]; which settings exist is in
//! [`super::keys`], where a text came from in [`super::source`]. Types and checks are those of
//! Kafka's `ConfigDef`, which facts/kafka-4.4-config-values.tsv holds them to in the tests.

use std::fmt;

/// One setting that this broker obeys.
#[derive(Debug)]
pub struct Key {
    /// Kafka's name, or one of ours beginning with `ottla.`.
    pub name: &'static str,
    /// How its text is read.
    pub kind: Kind,
    /// As it would be written; `None` where not setting it means something of its own.
    pub default: Option<&'static str>,
    /// Which values of its type it takes.
    pub check: Check,
    /// One line for people.
    pub doc: &'static str,
}

/// The types of Kafka's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false` in any case.
    Boolean,
    /// Free text.
    String,
    /// 16 bits.
    Short,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// A decimal number.
    Double,
    /// Texts between commas, none of them empty or twice.
    List,
}

/// Which values of its type a setting takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// All.
    Any,
    /// Numbers from here on.
    AtLeast(i64),
    /// Numbers from the first to the second.
    Between(i64, i64),
    /// Numbers from the first to the second, or the third.
    BetweenOr(i64, i64, i64),
    /// Decimal numbers from 0 to 1.
    Fraction,
    /// One of these texts; for a list, any of them.
    OneOf(&'static [&'static str]),
    /// Anything but nothing.
    NotEmpty,
    /// Both of the last two.
    SomeOf(&'static [&'static str]),
}

/// A text that has been read.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::String`], without white space around it.
    String(String),
    /// Of [`Kind::Short`], [`Kind::Int`] and [`Kind::Long`].
    Number(i64),
    /// Of [`Kind::Double`].
    Double(f64),
    /// Of [`Kind::List`].
    List(Vec<String>),
}

/// Why a text is no value of a key.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// For [`Kind::Boolean`].
    #[error("it is neither true nor false")]
    NotBoolean,
    /// For [`Kind::Short`], [`Kind::Int`] and [`Kind::Long`].
    #[error("it is not a whole number of {bits} bits")]
    NotWhole {
        /// How wide the type is.
        bits: u32,
    },
    /// For [`Kind::Double`].
    #[error("it is not a number")]
    NotNumber,
    /// A number that the check excludes.
    #[error("it must be {0}")]
    OutOfRange(Check),
    /// A text that the check excludes.
    #[error("`{item}` is not one of {}", allowed.join(", "))]
    NotOneOf {
        /// What was found.
        item: String,
        /// What could have been.
        allowed: &'static [&'static str],
    },
    /// Two commas with nothing between, or a comma at an end.
    #[error("an item of the list is empty")]
    EmptyItem,
    /// An item appears twice.
    #[error("`{0}` is there twice")]
    RepeatedItem(String),
    /// For [`Check::NotEmpty`].
    #[error("it must not be empty")]
    Empty,
}

impl Key {
    pub(super) const fn new(
        name: &'static str,
        kind: Kind,
        default: Option<&'static str>,
        check: Check,
        doc: &'static str,
    ) -> Key {
        Key {
            name,
            kind,
            default,
            check,
            doc,
        }
    }

    /// Reads a text as Kafka would, or says why it is none of this key's.
    pub fn read(&self, text: &str) -> Result<Value, Fault> {
        let value = self.kind.read(trim(text))?;
        self.check.test(&value)?;
        Ok(value)
    }
}

impl Kind {
    /// The number that DescribeConfigs gives for it.
    pub fn code(self) -> i8 {
        match self {
            Kind::Boolean => 1,
            Kind::String => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
        }
    }

    fn read(self, text: &str) -> Result<Value, Fault> {
        match self {
            Kind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Boolean(true)),
            Kind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Boolean(false)),
            Kind::Boolean => Err(Fault::NotBoolean),
            Kind::String => Ok(Value::String(text.to_owned())),
            Kind::Short => text
                .parse::<i16>()
                .map(|number| Value::Number(i64::from(number)))
                .map_err(|_| Fault::NotWhole { bits: 16 }),
            Kind::Int => text
                .parse::<i32>()
                .map(|number| Value::Number(i64::from(number)))
                .map_err(|_| Fault::NotWhole { bits: 32 }),
            Kind::Long => text
                .parse()
                .map(Value::Number)
                .map_err(|_| Fault::NotWhole { bits: 64 }),
            Kind::Double => text
                .parse()
                .map(Value::Double)
                .map_err(|_| Fault::NotNumber),
            Kind::List => list(text).map(Value::List),
        }
    }
}

impl Check {
    fn test(self, value: &Value) -> Result<(), Fault> {
        let within = match (self, value) {
            (Check::AtLeast(min), Value::Number(number)) => *number >= min,
            (Check::Between(min, max), Value::Number(number)) => (min..=max).contains(number),
            (Check::BetweenOr(min, max, or), Value::Number(number)) => {
                (min..=max).contains(number) || *number == or
            }
            (Check::Fraction, Value::Double(number)) => (0.0..=1.0).contains(number),
            (Check::NotEmpty | Check::SomeOf(_), value) if value.is_empty() => {
                return Err(Fault::Empty);
            }
            (Check::OneOf(allowed) | Check::SomeOf(allowed), value) => {
                return value.test_items(allowed);
            }
            _ => true,
        };
        within.then_some(()).ok_or(Fault::OutOfRange(self))
    }
}

/// Completes "it must be …".
impl fmt::Display for Check {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Any => write!(formatter, "anything"),
            Check::AtLeast(min) => write!(formatter, "{min} or more"),
            Check::Between(min, max) => write!(formatter, "from {min} to {max}"),
            Check::BetweenOr(min, max, or) => write!(formatter, "from {min} to {max}, or {or}"),
            Check::Fraction => write!(formatter, "from 0 to 1"),
            Check::OneOf(allowed) | Check::SomeOf(allowed) => {
                write!(formatter, "one of {}", allowed.join(", "))
            }
            Check::NotEmpty => write!(formatter, "something"),
        }
    }
}

impl Value {
    fn is_empty(&self) -> bool {
        match self {
            Value::String(text) => text.is_empty(),
            Value::List(items) => items.is_empty(),
            Value::Boolean(_) | Value::Number(_) | Value::Double(_) => false,
        }
    }

    fn test_items(&self, allowed: &'static [&'static str]) -> Result<(), Fault> {
        let items = match self {
            Value::String(text) => std::slice::from_ref(text),
            Value::List(items) => items,
            Value::Boolean(_) | Value::Number(_) | Value::Double(_) => &[],
        };
        match items.iter().find(|item| !allowed.contains(&item.as_str())) {
            Some(item) => Err(Fault::NotOneOf {
                item: item.clone(),
                allowed,
            }),
            None => Ok(()),
        }
    }
}

/// The canonical text, which reads back as the same value.
impl fmt::Display for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Boolean(value) => write!(formatter, "{value}"),
            Value::String(text) => write!(formatter, "{text}"),
            Value::Number(number) => write!(formatter, "{number}"),
            // As Java writes it: a whole number keeps its `.0`.
            Value::Double(number) => formatter.write_str(&format!("{number:?}").replace('e', "E")),
            Value::List(items) => write!(formatter, "{}", items.join(",")),
        }
    }
}

/// Java's `String.trim`: everything up to the space is white.
fn trim(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

fn list(text: &str) -> Result<Vec<String>, Fault> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let mut items: Vec<String> = Vec::new();
    for item in text.split(',').map(trim) {
        if item.is_empty() {
            return Err(Fault::EmptyItem);
        }
        if items.iter().any(|other| other == item) {
            return Err(Fault::RepeatedItem(item.to_owned()));
        }
        items.push(item.to_owned());
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: Kind, check: Check, text: &str, expected: Result<&str, &str>) {
        let found = Key::new("a.key", kind, None, check, "").read(text);
        let found = found
            .map(|value| value.to_string())
            .map_err(|fault| fault.to_string());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(found, expected, "{kind:?} {check:?} {text:?}");
    }

    #[test]
    fn values_are_read_and_written_canonically() {
        check(Kind::Boolean, Check::Any, " TRUE ", Ok("true"));
        check(Kind::String, Check::Any, "  a b ", Ok("a b"));
        check(Kind::Int, Check::Any, " +6 ", Ok("6"));
        check(
            Kind::Long,
            Check::Any,
            "-9223372036854775808",
            Ok("-9223372036854775808"),
        );
        check(Kind::Double, Check::Fraction, "1", Ok("1.0"));
        check(Kind::Double, Check::Fraction, "0.25", Ok("0.25"));
        check(Kind::List, Check::Any, " a , b,c", Ok("a,b,c"));
        check(Kind::List, Check::Any, "  ", Ok(""));
        check(Kind::Int, Check::BetweenOr(1, 9, -1), "-1", Ok("-1"));
        check(Kind::List, Check::OneOf(&["a", "b"]), "b,a", Ok("b,a"));
        check(Kind::List, Check::OneOf(&["a", "b"]), "", Ok(""));
    }

    #[test]
    fn what_is_wrong_with_a_number_is_said() {
        let whole = |bits| format!("it is not a whole number of {bits} bits");
        check(Kind::Int, Check::Any, "2147483648", Err(&whole(32)));
        check(Kind::Int, Check::Any, "", Err(&whole(32)));
        check(Kind::Long, Check::Any, "1k", Err(&whole(64)));
        check(Kind::Double, Check::Any, "half", Err("it is not a number"));
        for (kind, range, text, words) in [
            (Kind::Double, Check::Fraction, "1.1", "from 0 to 1"),
            (Kind::Double, Check::Fraction, "NaN", "from 0 to 1"),
            (Kind::Int, Check::AtLeast(1), "0", "1 or more"),
            (Kind::Int, Check::Between(1, 9), "10", "from 1 to 9"),
            (
                Kind::Int,
                Check::BetweenOr(1, 9, -1),
                "0",
                "from 1 to 9, or -1",
            ),
        ] {
            check(kind, range, text, Err(&format!("it must be {words}")));
        }
    }

    #[test]
    fn what_is_wrong_with_a_text_is_said() {
        const AB: &[&str] = &["a", "b"];
        for (kind, allowed, text, why) in [
            (
                Kind::Boolean,
                Check::Any,
                "yes",
                "it is neither true nor false",
            ),
            (
                Kind::String,
                Check::OneOf(AB),
                "A",
                "`A` is not one of a, b",
            ),
            (
                Kind::List,
                Check::OneOf(AB),
                "a,c",
                "`c` is not one of a, b",
            ),
            (
                Kind::List,
                Check::Any,
                "a,,b",
                "an item of the list is empty",
            ),
            (Kind::List, Check::Any, "a,", "an item of the list is empty"),
            (Kind::List, Check::Any, "a,b,a", "`a` is there twice"),
            (Kind::List, Check::NotEmpty, " ", "it must not be empty"),
            (Kind::List, Check::SomeOf(AB), "", "it must not be empty"),
            (Kind::List, Check::SomeOf(AB), "c", "`c` is not one of a, b"),
        ] {
            check(kind, allowed, text, Err(why));
        }
    }
}
