//! Variables as settings: `OTTLA_LOG_RETENTION_MS` is `log.retention.ms`.
//!
//! The prefix goes, letters become small, underscores become dots. Of our own keys the prefix is
//! theirs as well: `OTTLA_FLUSH` is `ottla.flush`. A variable that fits no key may belong to another
//! program, so it is a warning and not an error. An empty variable counts as not set, since that is
//! how container tools pass on what nobody chose.

use super::kafka::{Standing, standing, suggestion};
use super::report::Report;
use super::source::{Given, Source};

const PREFIX: &str = "OTTLA_";

/// Variables that are read by other parts of the program.
const NOT_SETTINGS: &[&str] = &[
    "OTTLA_BOOTSTRAP_SERVERS",
    "OTTLA_COMMAND_CONFIG",
    "OTTLA_CONFIG",
    "OTTLA_LOG",
    "OTTLA_LOG_FORMAT",
];

/// The settings among the variables, by name.
pub(super) fn gather(mut variables: Vec<(String, String)>, report: &mut Report) -> Vec<Given> {
    variables.sort();
    let mut given = Vec::new();
    for (variable, value) in variables {
        let Some(rest) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        if value.is_empty() || NOT_SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        let name = rest.to_lowercase().replace('_', ".");
        match key(&name) {
            Some(key) => given.push(Given {
                key,
                value,
                source: Source::Environment { variable },
            }),
            None => report.warn(unknown(&variable, &name)),
        }
    }
    given
}

fn key(name: &str) -> Option<String> {
    let own = format!("ottla.{name}");
    [name.to_owned(), own]
        .into_iter()
        .find(|candidate| !matches!(standing(candidate), Standing::Unknown))
}

fn unknown(variable: &str, name: &str) -> String {
    let nearest = suggestion(name).or_else(|| suggestion(&format!("ottla.{name}")));
    let meant = nearest.map(|key| {
        let rest = key.strip_prefix("ottla.").unwrap_or(key);
        let variable = rest.to_uppercase().replace('.', "_");
        format!("; did you mean {PREFIX}{variable}?")
    });
    format!(
        "{variable} (environment) is ignored: there is no such setting{}",
        meant.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(variable: &str, value: &str, key: Option<&str>, warning: Option<&str>) {
        let mut report = Report::default();
        let variables = vec![(variable.to_owned(), value.to_owned())];
        let given = gather(variables, &mut report);
        let keys: Vec<_> = given.iter().map(|given| given.key.as_str()).collect();
        assert_eq!(keys, Vec::from_iter(key), "{variable}");
        let warnings: Vec<_> = report.warnings.iter().map(String::as_str).collect();
        assert_eq!(warnings, Vec::from_iter(warning), "{variable}");
    }

    #[test]
    fn variables_of_known_keys_are_settings() {
        check(
            "OTTLA_LOG_RETENTION_MS",
            "1",
            Some("log.retention.ms"),
            None,
        );
        check("OTTLA_LISTENERS", "a:1", Some("listeners"), None);
        check("OTTLA_FLUSH", "async", Some("ottla.flush"), None);
        check("OTTLA_OTTLA_FLUSH", "async", Some("ottla.flush"), None);
        check(
            "OTTLA_HTTP_ADDRESS",
            "none",
            Some("ottla.http.address"),
            None,
        );
        check("OTTLA_NUM_IO_THREADS", "8", Some("num.io.threads"), None);
    }

    #[test]
    fn variables_of_others_are_left_alone() {
        for variable in ["PATH", "LOG_DIRS", "ottla_log_dirs", "KAFKA_LOG_DIRS"] {
            check(variable, "x", None, None);
        }
        for variable in NOT_SETTINGS {
            check(variable, "x", None, None);
        }
        check("OTTLA_LOG_DIRS", "", None, None);
    }

    #[test]
    fn variables_that_fit_no_key_are_warned_about() {
        check(
            "OTTLA_LOG_RETENTON_MS",
            "1",
            None,
            Some(
                "OTTLA_LOG_RETENTON_MS (environment) is ignored: there is no such setting; \
                 did you mean OTTLA_LOG_RETENTION_MS?",
            ),
        );
        check(
            "OTTLA_HTTP_ADDRES",
            "x",
            None,
            Some(
                "OTTLA_HTTP_ADDRES (environment) is ignored: there is no such setting; \
                 did you mean OTTLA_HTTP_ADDRESS?",
            ),
        );
        check(
            "OTTLA_XYZ",
            "1",
            None,
            Some("OTTLA_XYZ (environment) is ignored: there is no such setting"),
        );
    }
}
