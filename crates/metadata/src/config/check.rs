//! What values a key allows, beyond being of its kind.

use std::fmt;

use super::Value;

/// A condition on one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Everything of the kind.
    Any,
    /// A number not below this.
    AtLeast(i64),
    /// A number in this range, both ends included.
    Within(i64, i64),
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A list of these texts; repetitions are dropped, an empty list is allowed.
    EachOf(&'static [&'static str]),
    /// A level of gzip: 1 to 9, or -1 for the library's own choice.
    GzipLevel,
    /// `*`, or a list of `partition:broker`.
    ThrottledReplicas,
}

impl Check {
    /// Says why the value is not allowed; drops what a list repeats.
    pub(super) fn apply(self, value: &mut Value) -> Result<(), String> {
        match (self, value) {
            (Check::AtLeast(least), value) => at_least(number(value), least),
            (Check::Within(least, most), value) => {
                at_least(number(value), least)?;
                at_most(number(value), most)
            }
            (Check::OneOf(allowed), Value::String(text)) => one_of(text, allowed),
            (Check::EachOf(allowed), Value::List(items)) => each_of(items, allowed),
            (Check::GzipLevel, Value::Int(level)) if !matches!(level, -1 | 1..=9) => {
                Err("it must be -1 or from 1 to 9".to_owned())
            }
            (Check::ThrottledReplicas, Value::List(items)) => throttled_replicas(items),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Check {
    /// The allowed values, in the notation of Kafka's documentation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Any => Ok(()),
            Check::AtLeast(least) => write!(f, "[{least},...]"),
            Check::Within(least, most) => write!(f, "[{least},...,{most}]"),
            Check::OneOf(allowed) | Check::EachOf(allowed) => {
                write!(f, "[{}]", allowed.join(", "))
            }
            Check::GzipLevel => f.write_str("[1,...,9] or -1"),
            Check::ThrottledReplicas => {
                f.write_str("[partitionId]:[brokerId],[partitionId]:[brokerId],...")
            }
        }
    }
}

/// Kafka compares as floating-point numbers, so that not-a-number is in every range.
fn number(value: &Value) -> f64 {
    match value {
        Value::Int(value) => f64::from(*value),
        Value::Long(value) => *value as f64,
        Value::Double(value) => *value,
        Value::Boolean(_) | Value::String(_) | Value::List(_) => f64::NAN,
    }
}

fn at_least(value: f64, least: i64) -> Result<(), String> {
    if value < least as f64 {
        return Err(format!("it must be at least {least}"));
    }
    Ok(())
}

fn at_most(value: f64, most: i64) -> Result<(), String> {
    if value > most as f64 {
        return Err(format!("it must be at most {most}"));
    }
    Ok(())
}

fn one_of(text: &str, allowed: &[&str]) -> Result<(), String> {
    if allowed.contains(&text) {
        return Ok(());
    }
    Err(format!("it must be one of: {}", allowed.join(", ")))
}

fn each_of(items: &mut Vec<String>, allowed: &[&str]) -> Result<(), String> {
    let mut kept: Vec<String> = Vec::with_capacity(items.len());
    for item in items.drain(..) {
        if item.is_empty() {
            return Err("an item of the list is empty".to_owned());
        }
        one_of(&item, allowed).map_err(|reason| format!("'{item}' is not allowed, {reason}"))?;
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    *items = kept;
    Ok(())
}

fn throttled_replicas(items: &[String]) -> Result<(), String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_replica = |item: &String| {
        item.is_empty()
            || item
                .split_once(':')
                .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
    };
    if items.concat() == "*" || items.iter().all(is_replica) {
        return Ok(());
    }
    Err("it must be '*' or a list of partition:broker".to_owned())
}
