//! Settings by Kafka's names: those of `--command-config` and those of `--property`.

use std::path::Path;

use ottla_broker::config::properties;
use ottla_client::config::InvalidSetting;

use crate::failure::Failure;

/// A setting: name and value.
pub(crate) type Property = (String, String);

/// Takes a setting if it knows it, and says whether it does.
pub(crate) type Taker<'a> = &'a mut dyn FnMut(&str, &str) -> Result<bool, InvalidSetting>;

/// Reads `name=value` as flags have it.
pub(crate) fn parse_property(text: &str) -> Result<Property, String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        _ => Err(format!("\"{text}\" is not NAME=VALUE")),
    }
}

/// Reads a file in the syntax of Kafka's properties files.
pub(crate) fn read_file(path: &Path) -> Result<Vec<Property>, Failure> {
    let usage =
        |error: &dyn std::fmt::Display| Failure::Usage(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| usage(&error))?;
    let entries = properties::parse(&bytes).map_err(|error| usage(&error))?;
    Ok(entries
        .into_iter()
        .map(|entry| (entry.key, entry.value))
        .collect())
}

/// Gives each setting to the first of `takers` that knows it. The names that nobody knows come back.
pub(crate) fn apply<'a>(
    properties: &'a [Property],
    takers: &mut [Taker<'_>],
) -> Result<Vec<&'a str>, Failure> {
    let mut unknown = Vec::new();
    for (name, value) in properties {
        let mut is_taken = false;
        for take in takers.iter_mut() {
            is_taken = take(name, value).map_err(|error| Failure::Usage(error.to_string()))?;
            if is_taken {
                break;
            }
        }
        if !is_taken {
            unknown.push(name.as_str());
        }
    }
    Ok(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_property_is_a_name_and_a_value_that_may_hold_anything() {
        assert_eq!(parse_property("a.b=c=d"), Ok(("a.b".into(), "c=d".into())));
        assert_eq!(parse_property("a="), Ok(("a".into(), String::new())));
        assert!(parse_property("a").is_err());
        assert!(parse_property("=a").is_err());
    }

    #[test]
    fn settings_go_to_the_first_that_knows_them_and_the_others_are_named() {
        let properties = [
            ("a".into(), "1".into()),
            ("b".into(), "2".into()),
            ("c".into(), "3".into()),
        ];
        let mut seen = Vec::new();
        let mut one = |name: &str, _: &str| Ok(name == "a");
        let mut two = |name: &str, value: &str| {
            seen.push(value.to_owned());
            Ok(name == "b")
        };
        let unknown = apply(&properties, &mut [&mut one, &mut two]).unwrap();
        assert_eq!(unknown, ["c"]);
        assert_eq!(seen, ["2", "3"]);
    }

    #[test]
    fn a_value_that_makes_no_sense_is_wrong_usage() {
        let properties = [("a".into(), "x".into())];
        let mut strict = |name: &str, value: &str| Err(InvalidSetting::new(name, value, "no"));
        assert!(matches!(
            apply(&properties, &mut [&mut strict]),
            Err(Failure::Usage(_))
        ));
    }
}
