//! Which listeners there are: what each is called, where it listens and what clients are told.
//!
//! | part | rule |
//! |---|---|
//! | name | as written, in upper case; without one `PLAINTEXT`, then `PLAINTEXT_2` and so on |
//! | protocol | from `listener.security.protocol.map`; unset, a name that is a protocol means it and any other means PLAINTEXT; only PLAINTEXT is served |
//! | controller's | a listener in `controller.listener.names` is left out |
//! | advertised | by name; without one the listeners not named there, in order; not given, the address itself, and for a wildcard the host name |

use std::collections::BTreeMap;
use std::fmt;

use super::address::{HostPort, parse_name, parse_named};
use super::error::{ListenerFault, Why};
use super::report::Report;
use super::settings::Settings;

const LISTENERS: &str = "listeners";
const ADVERTISED: &str = "advertised.listeners";
const PROTOCOL_MAP: &str = "listener.security.protocol.map";
const INTER_BROKER: &str = "inter.broker.listener.name";
const PLAINTEXT: &str = "PLAINTEXT";
const PROTOCOLS: [&str; 4] = [PLAINTEXT, "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// An address that clients are served on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// In upper case, unique.
    pub name: String,
    /// Where to listen.
    pub bind: HostPort,
    /// What clients are told; port 0 is the one that was bound.
    pub(super) advertised: HostPort,
}

impl Listener {
    /// What clients of this listener are told, once it is known which port was bound.
    pub fn advertised(&self, bound_port: u16) -> HostPort {
        let HostPort { host, port } = self.advertised.clone();
        let port = if port == 0 { bound_port } else { port };
        HostPort { host, port }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.name, self.bind)
    }
}

/// The listeners that the settings ask for, or nothing if the report has got problems of them.
pub(super) fn plan(
    settings: &mut Settings,
    host_name: &str,
    report: &mut Report,
) -> Option<Vec<Listener>> {
    let all = or_refuse(bound(settings), LISTENERS, settings, report)?;
    let served = without_controllers(settings, &all, report)?;
    let protocols = or_refuse(protocol_map(settings), PROTOCOL_MAP, settings, report)?;
    for (name, _) in &served {
        if let Err(fault) = check_protocol(name, protocols.as_ref()) {
            settings.refuse(LISTENERS, fault, report);
        }
    }
    let told = advertised(settings, &all, &served);
    let mut told = or_refuse(told, ADVERTISED, settings, report)?;
    let mut listeners = Vec::new();
    for (name, bind) in served {
        let advertised = match told.remove(&name) {
            Some(address) => address,
            None => or_refuse(
                own(&name, &bind, host_name, report),
                LISTENERS,
                settings,
                report,
            )?,
        };
        listeners.push(Listener {
            name,
            bind,
            advertised,
        });
    }
    warn_of_loopback(&listeners, report);
    check_between_brokers(settings, &listeners, report);
    settings.set_effective(LISTENERS, join(&listeners, |listener| &listener.bind));
    settings.set_effective(
        ADVERTISED,
        join(&listeners, |listener| &listener.advertised),
    );
    Some(listeners)
}

/// Those that `controller.listener.names` does not name; nothing if none is left.
fn without_controllers(
    settings: &Settings,
    all: &[(String, HostPort)],
    report: &mut Report,
) -> Option<Vec<(String, HostPort)>> {
    let controllers: Vec<_> = settings
        .items("controller.listener.names")
        .iter()
        .map(|name| name.to_ascii_uppercase())
        .collect();
    let (left_out, served): (Vec<_>, Vec<_>) = all
        .iter()
        .cloned()
        .partition(|(name, _)| controllers.contains(name));
    for (name, address) in &left_out {
        report.note(format!(
            "listener {name}://{address} is left out: controllers need none of their own here"
        ));
    }
    if served.is_empty() {
        settings.refuse(LISTENERS, ListenerFault::NoneForClients, report);
        return None;
    }
    Some(served)
}

/// The value, or a problem of this key.
fn or_refuse<T>(
    result: Result<T, Why>,
    key: &'static str,
    settings: &Settings,
    report: &mut Report,
) -> Option<T> {
    result.map_err(|why| settings.refuse(key, why, report)).ok()
}

/// `listeners` with a name each, controllers' included.
fn bound(settings: &Settings) -> Result<Vec<(String, HostPort)>, Why> {
    let items = settings
        .items(LISTENERS)
        .iter()
        .map(|item| parse_named(item))
        .collect::<Result<Vec<_>, _>>()?;
    let mut named: Vec<(String, HostPort)> = Vec::new();
    let mut unnamed = 0_usize;
    for (name, address) in items {
        let name = name.unwrap_or_else(|| {
            unnamed += 1;
            match unnamed {
                1 => PLAINTEXT.to_owned(),
                count => format!("{PLAINTEXT}_{count}"),
            }
        });
        if named.iter().any(|(other, _)| *other == name) {
            return Err(ListenerFault::SameName(name).into());
        }
        if address.port != 0 && named.iter().any(|(_, other)| *other == address) {
            return Err(ListenerFault::SameAddress(address.to_string()).into());
        }
        named.push((name, address));
    }
    Ok(named)
}

/// `listener.security.protocol.map`, if somebody set it.
fn protocol_map(settings: &Settings) -> Result<Option<BTreeMap<String, String>>, Why> {
    if !settings.is_explicit(PROTOCOL_MAP) {
        return Ok(None);
    }
    let text = settings.text(PROTOCOL_MAP).unwrap_or_default();
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let mut map = BTreeMap::new();
    for entry in entries {
        let bad = || ListenerFault::BadProtocol(entry.to_owned());
        let (name, protocol) = entry.split_once(':').ok_or_else(bad)?;
        let name = parse_name(name.trim())?;
        let protocol = protocol.trim().to_ascii_uppercase();
        if !PROTOCOLS.contains(&protocol.as_str()) {
            return Err(bad().into());
        }
        map.insert(name, protocol);
    }
    Ok(Some(map))
}

fn check_protocol(name: &str, map: Option<&BTreeMap<String, String>>) -> Result<(), ListenerFault> {
    let protocol = match map {
        Some(map) => map
            .get(name)
            .ok_or_else(|| ListenerFault::NotInProtocolMap(name.to_owned()))?,
        None if PROTOCOLS.contains(&name) => name,
        None => PLAINTEXT,
    };
    if protocol == PLAINTEXT {
        return Ok(());
    }
    Err(ListenerFault::Unsupported {
        name: name.to_owned(),
        protocol: protocol.to_owned(),
    })
}

/// `advertised.listeners` by listener. A name may be a controller's listener, an address without a
/// name is for one that is served.
fn advertised(
    settings: &Settings,
    all: &[(String, HostPort)],
    served: &[(String, HostPort)],
) -> Result<BTreeMap<String, HostPort>, Why> {
    let items = settings
        .items(ADVERTISED)
        .iter()
        .map(|item| parse_named(item))
        .collect::<Result<Vec<_>, _>>()?;
    let (named, unnamed): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(name, _)| name.is_some());
    let mut told = BTreeMap::new();
    for (name, address) in named {
        let name = name.unwrap_or_default();
        if !all.iter().any(|(listener, _)| *listener == name) {
            return Err(ListenerFault::NoSuchListener(name).into());
        }
        if told.insert(name.clone(), address).is_some() {
            return Err(ListenerFault::SameName(name).into());
        }
    }
    for (_, address) in unnamed {
        let next = served.iter().find(|(name, _)| !told.contains_key(name));
        let Some((name, _)) = next else {
            return Err(ListenerFault::TooManyAdvertised(address.to_string()).into());
        };
        told.insert(name.clone(), address);
    }
    match told.values().find(|address| address.is_wildcard()) {
        Some(address) => Err(ListenerFault::AdvertisedWildcard(address.to_string()).into()),
        None => Ok(told),
    }
}

/// What a listener advertises that nobody was told about.
fn own(name: &str, bind: &HostPort, host_name: &str, report: &mut Report) -> Result<HostPort, Why> {
    if !bind.is_wildcard() {
        return Ok(bind.clone());
    }
    if host_name.is_empty() {
        return Err(ListenerFault::NoHostName(name.to_owned()).into());
    }
    let advertised = HostPort {
        host: host_name.to_owned(),
        port: bind.port,
    };
    report.note(format!(
        "listener {name} is on every address and advertises {advertised}; --advertise changes that"
    ));
    Ok(advertised)
}

/// A client elsewhere is told an address at which nobody listens, unless something forwards it.
fn warn_of_loopback(listeners: &[Listener], report: &mut Report) {
    for Listener {
        name,
        bind,
        advertised,
    } in listeners
    {
        if bind.is_loopback() && !advertised.is_loopback() {
            report.warn(format!(
                "listener {name} advertises {advertised} but listens on {bind}, which only this \
                 machine reaches"
            ));
        }
    }
}

fn check_between_brokers(settings: &Settings, listeners: &[Listener], report: &mut Report) {
    if settings.text("security.inter.broker.protocol").as_deref() != Some(PLAINTEXT) {
        let fault = ListenerFault::UnsupportedBetweenBrokers;
        settings.refuse("security.inter.broker.protocol", fault, report);
    }
    if let Some(name) = settings.text(INTER_BROKER) {
        let name = name.to_ascii_uppercase();
        if !listeners.iter().any(|listener| listener.name == name) {
            settings.refuse(INTER_BROKER, ListenerFault::NoSuchListener(name), report);
        }
    }
}

fn join(listeners: &[Listener], address: impl Fn(&Listener) -> &HostPort) -> String {
    let texts: Vec<_> = listeners
        .iter()
        .map(|listener| format!("{}://{}", listener.name, address(listener)))
        .collect();
    texts.join(",")
}
