//! A network with an address for each broker, in a namespace of its own, and a bridge between them at
//! which the clients are. Packets are dropped where they arrive.

use std::net::{IpAddr, Ipv4Addr};

use crate::fault::{BROKERS, End};
use crate::namespaces::{PRIVATE, carry_out};

const BRIDGE: &str = "chaos";
/// Where the clients are in it.
const CLIENTS: u8 = 254;

/// The network. It vanishes with the namespaces that it is made in.
pub(crate) struct Network;

impl Network {
    /// Makes it.
    pub(crate) fn make() -> Result<Network, String> {
        let ip = |line: &str| carry_out("ip", &line.split(' ').collect::<Vec<_>>());
        ip(&format!("link add {BRIDGE} type bridge"))?;
        ip(&format!("addr add {}/24 dev {BRIDGE}", address(CLIENTS)))?;
        ip(&format!("link set {BRIDGE} up"))?;
        for broker in 0..BROKERS {
            let (name, here) = (name(broker), format!("{BRIDGE}{broker}"));
            ip(&format!("netns add {name}"))?;
            ip(&format!(
                "link add {here} type veth peer name eth0 netns {name}"
            ))?;
            ip(&format!("link set {here} master {BRIDGE} up"))?;
            ip(&format!("-n {name} addr add {}/24 dev eth0", of(broker)))?;
            ip(&format!("-n {name} link set eth0 up"))?;
            ip(&format!("-n {name} link set lo up"))?;
        }
        let network = Network;
        network.mend()?;
        Ok(network)
    }

    /// Drops what one end sends to the other.
    pub(crate) fn cut(&self, (from, to): (End, End)) -> Result<(), String> {
        let at = |end| match end {
            End::Broker(broker) => of(broker),
            End::Clients => address(CLIENTS),
        };
        match (from, to) {
            (_, End::Broker(broker)) => {
                let from = at(from).to_string();
                rule(broker, &["-I", "INPUT", "-s", &from, "-j", "DROP"])
            }
            (End::Broker(broker), End::Clients) => {
                let to = at(to).to_string();
                rule(broker, &["-I", "OUTPUT", "-d", &to, "-j", "DROP"])
            }
            (End::Clients, End::Clients) => Ok(()),
        }
    }

    /// Drops nothing any more.
    pub(crate) fn mend(&self) -> Result<(), String> {
        (0..BROKERS).try_for_each(|broker| rule(broker, &["-F"]))
    }

    /// Where a broker is.
    pub(crate) fn address(&self, broker: usize) -> IpAddr {
        of(broker)
    }

    /// The command that runs a program where a broker is.
    pub(crate) fn through(&self, broker: usize) -> Vec<String> {
        let enter = ["nsenter".to_owned(), net_of(broker), "--".to_owned()];
        enter.to_vec()
    }
}

fn rule(broker: usize, rule: &[&str]) -> Result<(), String> {
    let net = net_of(broker);
    let enter = [net.as_str(), "--", "iptables", "-w"];
    carry_out("nsenter", &[&enter[..], rule].concat())
}

fn net_of(broker: usize) -> String {
    format!("--net={PRIVATE}/netns/{}", name(broker))
}

fn name(broker: usize) -> String {
    format!("broker{broker}")
}

fn of(broker: usize) -> IpAddr {
    address(u8::try_from(broker + 1).expect("there are few brokers"))
}

/// Nobody else is in this network.
fn address(host: u8) -> IpAddr {
    Ipv4Addr::new(10, 77, 0, host).into()
}
