//! Why a configuration is refused: every problem of it, one line each, with the key, its value and
//! where they were found.

use std::fmt;

use super::address::AddressError;
use super::key::Fault;
use super::properties::SyntaxError;
use super::source::Source;

/// A configuration that cannot start; its text is one line a problem.
#[derive(Debug)]
pub struct ConfigError {
    /// At least one, in the order found.
    pub(super) problems: Vec<Problem>,
}

impl ConfigError {
    /// At least one, in the order found.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            let line_end = if at == 0 { "" } else { "\n" };
            write!(formatter, "{line_end}{problem}")?;
        }
        Ok(())
    }
}

/// One thing that stops the start.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Problem {
    /// The file is not a properties file.
    #[error("{file}:{}: {error}", error.line())]
    Syntax {
        /// Its name.
        file: String,
        /// What is wrong with it.
        error: SyntaxError,
    },
    /// `--set` without an equals sign.
    #[error("--set {text}: write --set key=value")]
    SetWithoutValue {
        /// As given.
        text: String,
    },
    /// `--set` of a key that has a flag, with that flag.
    #[error("{key} is given by {flag} and by --set: leave one out")]
    SetTwice {
        /// The key.
        key: String,
        /// Where else it was given.
        flag: Source,
    },
    /// Neither Kafka nor Ottla knows the key.
    #[error("{key} ({origin}): there is no such setting{}", did_you_mean(*nearest))]
    UnknownKey {
        /// As given.
        key: String,
        /// Where it was given.
        origin: Source,
        /// What was probably meant.
        nearest: Option<&'static str>,
    },
    /// A key with a value that it cannot have.
    #[error("{key}={value} ({origin}): {why}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// As given.
        value: String,
        /// Where it was given.
        origin: Source,
        /// What is wrong with it.
        why: Why,
    },
}

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Why {
    /// By itself.
    #[error(transparent)]
    Value(#[from] Fault),
    /// As an address.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Together with the other listeners.
    #[error(transparent)]
    Listener(#[from] ListenerFault),
    /// `${provider:path:key}`, which Kafka would replace.
    #[error("config.providers are not supported, so that ${{…}} cannot be replaced")]
    Placeholder,
    /// More than one directory.
    #[error("only one data directory is supported so far")]
    ManyDataDirs,
    /// node.id and broker.id differ.
    #[error("node.id is {node_id}: leave broker.id out or make them equal")]
    BrokerIdDiffers {
        /// What node.id says.
        node_id: i64,
    },
    /// A time or size whose unit is not in its check.
    #[error("it must be {0}")]
    OutOfRange(&'static str),
    /// Less memory than one request may need.
    #[error("it must be at least socket.request.max.bytes, which is {request_bytes_max}")]
    BelowRequestSize {
        /// What it must reach.
        request_bytes_max: i64,
    },
    /// Not `address:count`.
    #[error("`{0}` is not an IP address, a colon and a number (host names are not resolved here)")]
    BadOverride(String),
    /// process.roles without broker.
    #[error("a node without the role broker would serve nobody: there are no separate controllers")]
    NoBrokerRole,
}

/// What is wrong with listeners taken together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListenerFault {
    /// Two listeners of one name.
    #[error("two listeners are called {0}")]
    SameName(String),
    /// Two listeners on one port of one host.
    #[error("two listeners want {0}")]
    SameAddress(String),
    /// All listeners are controllers'.
    #[error("every listener is left to controllers: clients need one as well")]
    NoneForClients,
    /// An entry of the protocol map is not `NAME:PROTOCOL`.
    #[error("`{0}` is not NAME:PROTOCOL with one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL")]
    BadProtocol(String),
    /// The protocol map leaves a listener out.
    #[error("listener {0} is not in listener.security.protocol.map")]
    NotInProtocolMap(String),
    /// A listener that would need encryption or authentication.
    #[error("listener {name} wants {protocol}, but PLAINTEXT is all that is supported so far")]
    Unsupported {
        /// The listener.
        name: String,
        /// What its name or the map asks for.
        protocol: String,
    },
    /// Brokers would need encryption or authentication between them.
    #[error("PLAINTEXT is all that is supported so far")]
    UnsupportedBetweenBrokers,
    /// A name that no listener has.
    #[error("no listener is called {0}")]
    NoSuchListener(String),
    /// More addresses than listeners.
    #[error("{0} is one address more than there are listeners")]
    TooManyAdvertised(String),
    /// A wildcard address.
    #[error("clients cannot connect to {0}: advertise a host name or address of this machine")]
    AdvertisedWildcard(String),
    /// The system has no host name to advertise.
    #[error("listener {0} is on every address and the host name is unknown: advertise one")]
    NoHostName(String),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|name| format!("; did you mean {name}?"))
        .unwrap_or_default()
}
