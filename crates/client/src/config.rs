//! How a client finds, names itself to, and waits for the cluster.

use std::time::Duration;

use crate::address::Address;
use crate::backoff::Backoff;

/// Settings of a [`Client`](crate::Client), with Kafka's defaults where Kafka has the setting.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Brokers to ask first (`bootstrap.servers`). Any one that answers is enough.
    pub bootstrap: Vec<Address>,
    /// The name under which brokers log and meter this client (`client.id`).
    pub client_id: String,
    /// How long a connection attempt may take (`socket.connection.setup.timeout.ms`).
    pub connect_timeout: Duration,
    /// How long a response may take, beside what the request itself asks the broker to wait (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// How long an operation is tried, all attempts together (`default.api.timeout.ms`).
    pub call_timeout: Duration,
    /// How long a topic that brokers do not know is asked for: one that was just created needs a moment.
    pub topic_wait: Duration,
    /// Between attempts (`retry.backoff.ms`, `retry.backoff.max.ms`).
    pub backoff: Backoff,
    /// Metadata older than this is asked for anew (`metadata.max.age.ms`).
    pub metadata_age_max: Duration,
    /// The largest response taken, in bytes.
    pub response_bytes_max: usize,
    /// The seed of everything left to chance; `None` takes one from the process.
    pub seed: Option<u64>,
}

impl ClientConfig {
    /// The defaults, for a cluster reached through `bootstrap`.
    pub fn new(bootstrap: Vec<Address>) -> Self {
        ClientConfig {
            bootstrap,
            client_id: "ottla-client".to_owned(),
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            call_timeout: Duration::from_secs(60),
            topic_wait: Duration::from_secs(5),
            backoff: Backoff {
                first: Duration::from_millis(100),
                longest: Duration::from_millis(1000),
            },
            metadata_age_max: Duration::from_secs(300),
            response_bytes_max: crate::limits::RESPONSE_BYTES_MAX,
            seed: None,
        }
    }

    /// Takes one setting by Kafka's name; `Ok(false)` if the name is none of this client's.
    pub fn set(&mut self, name: &str, value: &str) -> Result<bool, InvalidSetting> {
        match name {
            "bootstrap.servers" => {
                self.bootstrap = Address::parse_list(value)
                    .map_err(|error| InvalidSetting::new(name, value, error.to_string()))?;
            }
            "client.id" => self.client_id = value.to_owned(),
            "socket.connection.setup.timeout.ms" => {
                self.connect_timeout = milliseconds(name, value)?
            }
            "request.timeout.ms" => self.request_timeout = milliseconds(name, value)?,
            "default.api.timeout.ms" => self.call_timeout = milliseconds(name, value)?,
            "retry.backoff.ms" => self.backoff.first = milliseconds(name, value)?,
            "retry.backoff.max.ms" => self.backoff.longest = milliseconds(name, value)?,
            "metadata.max.age.ms" => self.metadata_age_max = milliseconds(name, value)?,
            // Sending a password or a secret in the clear because the setting was skipped would be worse than stopping.
            "security.protocol" if value.eq_ignore_ascii_case("PLAINTEXT") => {}
            "security.protocol" => {
                return Err(InvalidSetting::new(
                    name,
                    value,
                    "only PLAINTEXT is spoken yet".to_owned(),
                ));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A setting whose value does not make sense.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{name}={value}: {reason}")]
pub struct InvalidSetting {
    /// Kafka's name of the setting.
    pub name: String,
    /// The value as written.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
}

impl InvalidSetting {
    /// Says why `value` will not do for `name`.
    pub fn new(name: &str, value: &str, reason: impl Into<String>) -> Self {
        InvalidSetting {
            name: name.to_owned(),
            value: value.to_owned(),
            reason: reason.into(),
        }
    }
}

/// Reads a duration in whole milliseconds.
pub(crate) fn milliseconds(name: &str, value: &str) -> Result<Duration, InvalidSetting> {
    number::<u32>(name, value, 0).map(|ms| Duration::from_millis(ms.into()))
}

/// Reads a whole number that is at least `least`.
pub(crate) fn number<T>(name: &str, value: &str, least: T) -> Result<T, InvalidSetting>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    match value.trim().parse::<T>() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(InvalidSetting::new(
            name,
            value,
            format!("must be at least {least}"),
        )),
        Err(_) => Err(InvalidSetting::new(
            name,
            value,
            "must be a whole number in range",
        )),
    }
}

/// Reads `true` or `false`.
pub(crate) fn boolean(name: &str, value: &str) -> Result<bool, InvalidSetting> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(InvalidSetting::new(name, value, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClientConfig {
        ClientConfig::new(vec![Address::new("localhost", 9092)])
    }

    #[test]
    fn kafkas_names_set_the_fields() {
        let mut config = config();
        assert_eq!(config.set("bootstrap.servers", "a:1,b:2"), Ok(true));
        assert_eq!(config.set("request.timeout.ms", "1500"), Ok(true));
        assert_eq!(config.set("security.protocol", "plaintext"), Ok(true));
        assert_eq!(config.bootstrap.len(), 2);
        assert_eq!(config.request_timeout, Duration::from_millis(1500));
    }

    #[test]
    fn a_name_of_somebody_else_is_left_to_them() {
        assert_eq!(config().set("linger.ms", "5"), Ok(false));
    }

    #[test]
    fn values_that_make_no_sense_are_refused_and_so_is_security_not_spoken() {
        for (name, value) in [
            ("request.timeout.ms", "-1"),
            ("request.timeout.ms", "soon"),
            ("bootstrap.servers", ""),
            ("security.protocol", "SASL_SSL"),
        ] {
            let error = config().set(name, value).unwrap_err();
            assert_eq!((error.name.as_str(), error.value.as_str()), (name, value));
        }
    }
}
