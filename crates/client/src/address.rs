//! Where a broker listens: `host:port`, with brackets around IPv6 addresses.

use std::fmt;
use std::str::FromStr;

/// The port that is meant where none is written.
pub const DEFAULT_PORT: u16 = 9092;

/// A host and a port, not yet resolved.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Address {
    /// A name or a literal address, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

impl Address {
    /// Puts the two together as they are.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Address {
            host: host.into(),
            port,
        }
    }

    /// Parses a comma-separated list as `bootstrap.servers` has it; never returns an empty list.
    pub fn parse_list(text: &str) -> Result<Vec<Address>, InvalidAddress> {
        let parts = text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty());
        let addresses = parts
            .map(Address::from_str)
            .collect::<Result<Vec<_>, _>>()?;
        if addresses.is_empty() {
            return Err(InvalidAddress {
                text: text.to_owned(),
                reason: "no host is named",
            });
        }
        Ok(addresses)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let invalid = |reason| InvalidAddress {
            text: text.to_owned(),
            reason,
        };
        let (host, port) = if let Some(bracketed) = text.strip_prefix('[') {
            let (host, rest) = bracketed
                .split_once(']')
                .ok_or_else(|| invalid("the closing bracket is missing"))?;
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(invalid("after the bracket a port is expected")),
            }
        } else {
            match text.split_once(':') {
                Some((_, port)) if port.contains(':') => {
                    return Err(invalid("an IPv6 address needs brackets"));
                }
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(invalid("the host is not a name"));
        }
        let port = match port {
            None => DEFAULT_PORT,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => port,
                _ => return Err(invalid("the port is not a number from 1 to 65535")),
            },
        };
        Ok(Address::new(host, port))
    }
}

/// A text that names no place to connect to.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("\"{text}\" is not host:port: {reason}")]
pub struct InvalidAddress {
    /// What was written.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_brackets_are_read_and_shown_alike() {
        for text in ["localhost:9092", "10.0.0.1:1", "[::1]:9092", "a.b-c:65535"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_missing_port_is_9092() {
        assert_eq!("host".parse(), Ok(Address::new("host", 9092)));
        assert_eq!("[::1]".parse(), Ok(Address::new("::1", 9092)));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for text in [
            "",
            ":9092",
            "host:",
            "host:0",
            "host:70000",
            "::1",
            "[::1",
            "[::1]9092",
            "a b:1",
            "http://x:1",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_may_have_spaces_and_a_trailing_comma_but_not_nothing() {
        let list = Address::parse_list("a:1, b:2,").unwrap();
        assert_eq!(list, [Address::new("a", 1), Address::new("b", 2)]);
        assert!(Address::parse_list(" , ").is_err());
    }
}
