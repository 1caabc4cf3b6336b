//! Addresses as people write them: `host:port`, `[ipv6]:port`, `NAME://host:port`.
//!
//! Only syntax: no name is resolved and nothing is bound here.

use std::fmt;
use std::net::IpAddr;

/// A host, by name or address, and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// Without the brackets of an IPv6 address; empty stands for every address of the machine.
    pub host: String,
    /// Zero asks the system for a free one when bound.
    pub port: u16,
}

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No colon, or nothing after it.
    #[error("`{0}` has no port: write host:port")]
    NoPort(String),
    /// Not a number from 0 to 65535.
    #[error("`{0}` is not a port: a port is a number from 0 to 65535")]
    BadPort(String),
    /// Brackets that hold something else, or a colon without brackets.
    #[error("`{0}` is not an IPv6 address in brackets, as in [::1]:9092")]
    BadIpv6(String),
    /// A character that no host name or address has.
    #[error("`{0}` is not a host name or address")]
    BadHost(String),
    /// A character that no listener name has, or no name at all.
    #[error("`{0}` is not a listener name: letters, digits, `-`, `_` and `.` make one")]
    BadName(String),
}

impl HostPort {
    /// Reads `host:port`; the host may be empty, an IPv6 address stands in brackets.
    pub fn parse(text: &str) -> Result<HostPort, AddressError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => ipv6(text, rest)?,
            None => name_or_ipv4(text)?,
        };
        let port = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| port.parse().ok())
            .flatten()
            .ok_or_else(|| AddressError::BadPort(port.to_owned()))?;
        Ok(HostPort {
            host: host.to_owned(),
            port,
        })
    }

    /// Whether this stands for every address of the machine, so that no client can dial it.
    pub fn is_wildcard(&self) -> bool {
        self.host.is_empty() || self.ip().is_some_and(|ip| ip.is_unspecified())
    }

    /// Whether only this machine can reach it.
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost") || self.ip().is_some_and(|ip| ip.is_loopback())
    }

    /// What to bind, in order, until one succeeds: an empty host means both address families, and
    /// IPv4 alone where the system has no IPv6.
    pub fn bind_candidates(&self) -> Vec<(&str, u16)> {
        if self.host.is_empty() {
            vec![("::", self.port), ("0.0.0.0", self.port)]
        } else {
            vec![(&self.host, self.port)]
        }
    }

    fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostPort { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

/// Reads `[NAME://]host:port`; the name comes back in upper case, as Kafka compares names.
pub(super) fn parse_named(text: &str) -> Result<(Option<String>, HostPort), AddressError> {
    let Some((name, address)) = text.split_once("://") else {
        return Ok((None, HostPort::parse(text)?));
    };
    Ok((Some(parse_name(name)?), HostPort::parse(address)?))
}

/// A listener's name in upper case.
pub(super) fn parse_name(name: &str) -> Result<String, AddressError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(AddressError::BadName(name.to_owned()));
    }
    Ok(name.to_ascii_uppercase())
}

fn ipv6<'a>(text: &str, rest: &'a str) -> Result<(&'a str, &'a str), AddressError> {
    let (host, port) = rest
        .split_once(']')
        .ok_or_else(|| AddressError::BadIpv6(text.to_owned()))?;
    let port = port
        .strip_prefix(':')
        .filter(|port| !port.is_empty())
        .ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
    // A zone (`fe80::1%eth0`) is the system's to judge.
    let address = host.split_once('%').map_or(host, |(address, _)| address);
    if address.parse::<std::net::Ipv6Addr>().is_err() {
        return Err(AddressError::BadIpv6(format!("[{host}]")));
    }
    Ok((host, port))
}

fn name_or_ipv4(text: &str) -> Result<(&str, &str), AddressError> {
    let (host, port) = text
        .rsplit_once(':')
        .filter(|(_, port)| !port.is_empty())
        .ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
    if host.contains(':') {
        return Err(AddressError::BadIpv6(host.to_owned()));
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !host.bytes().all(allowed) {
        return Err(AddressError::BadHost(host.to_owned()));
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Option<&str>, &str, u16), &str>) {
        let found = parse_named(text);
        let found = match &found {
            Ok((name, address)) => Ok((name.as_deref(), address.host.as_str(), address.port)),
            Err(error) => Err(error.to_string()),
        };
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn names_hosts_and_ports_are_told_apart() {
        check("localhost:9092", Ok((None, "localhost", 9092)));
        check("127.0.0.1:0", Ok((None, "127.0.0.1", 0)));
        check(":9092", Ok((None, "", 9092)));
        check("PLAINTEXT://:9092", Ok((Some("PLAINTEXT"), "", 9092)));
        check("internal://a_b-c.d:1", Ok((Some("INTERNAL"), "a_b-c.d", 1)));
        check("[::1]:9092", Ok((None, "::1", 9092)));
        check("X://[fe80::1%eth0]:1", Ok((Some("X"), "fe80::1%eth0", 1)));
    }

    #[test]
    fn what_is_wrong_with_an_address_is_said() {
        check("localhost", Err("`localhost` has no port: write host:port"));
        check(
            "localhost:",
            Err("`localhost:` has no port: write host:port"),
        );
        check("[::1]", Err("`[::1]` has no port: write host:port"));
        for port in ["65536", "-1", "+1", "http", "9092/"] {
            check(
                &format!("a:{port}"),
                Err(&format!(
                    "`{port}` is not a port: a port is a number from 0 to 65535"
                )),
            );
        }
        for (text, host) in [
            ("::1:9092", "::1"),
            ("[::g]:1", "[::g]"),
            ("[::1:2", "[::1:2"),
        ] {
            check(
                text,
                Err(&format!(
                    "`{host}` is not an IPv6 address in brackets, as in [::1]:9092"
                )),
            );
        }
        check("a b:1", Err("`a b` is not a host name or address"));
        for name in ["", "a b", "a:b"] {
            check(
                &format!("{name}://h:1"),
                Err(&format!(
                    "`{name}` is not a listener name: letters, digits, `-`, `_` and `.` make one"
                )),
            );
        }
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["localhost:9092", "[::1]:9092", "10.0.0.1:0", ":80"] {
            let address = HostPort::parse(text).expect("it is an address");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn wildcards_and_loopbacks_are_known() {
        for (text, wildcard, loopback) in [
            (":1", true, false),
            ("0.0.0.0:1", true, false),
            ("[::]:1", true, false),
            ("127.0.0.1:1", false, true),
            ("127.8.0.1:1", false, true),
            ("[::1]:1", false, true),
            ("Localhost:1", false, true),
            ("broker:1", false, false),
        ] {
            let address = HostPort::parse(text).expect("it is an address");
            assert_eq!(address.is_wildcard(), wildcard, "{text}");
            assert_eq!(address.is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn an_empty_host_binds_both_families_or_ipv4_alone() {
        let every = HostPort::parse(":7").expect("it is an address");
        assert_eq!(every.bind_candidates(), [("::", 7), ("0.0.0.0", 7)]);
        let one = HostPort::parse("a:7").expect("it is an address");
        assert_eq!(one.bind_candidates(), [("a", 7)]);
    }
}
