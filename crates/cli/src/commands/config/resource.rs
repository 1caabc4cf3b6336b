//! What has configs, as two words of the command line: `topic orders`, `broker 1`, `broker --default`.

use clap::{Args, ValueEnum};
use ottla_client::admin::ConfigResource;
use ottla_protocol::NodeId;

use crate::failure::Failure;

/// The arguments of every subcommand.
#[derive(Args, Debug)]
pub(super) struct Resource {
    /// What kind of thing has the configs
    #[arg(value_enum, value_name = "KIND")]
    kind: Kind,

    /// The topic's or group's name, or the broker's id
    #[arg(value_name = "NAME", required_unless_present = "default")]
    name: Option<String>,

    /// Of brokers: what all of them use that say nothing themselves
    #[arg(long, conflicts_with = "name")]
    default: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// A topic
    Topic,
    /// A broker
    Broker,
    /// A consumer group
    Group,
    /// The log levels of a broker
    BrokerLogger,
}

impl Resource {
    pub(super) fn resolve(&self) -> Result<ConfigResource, Failure> {
        let Some(name) = &self.name else {
            return match self.kind {
                Kind::Broker => Ok(ConfigResource::AllBrokers),
                _ => Err(Failure::Usage("only brokers have a --default".to_owned())),
            };
        };
        let id = || {
            let id = name.parse::<i32>().ok().filter(|&id| id >= 0);
            id.map(NodeId)
                .ok_or_else(|| Failure::Usage(format!("\"{name}\" is not a broker's id")))
        };
        Ok(match self.kind {
            Kind::Topic => ConfigResource::Topic(name.clone()),
            Kind::Group => ConfigResource::Group(name.clone()),
            Kind::Broker => ConfigResource::Broker(id()?),
            Kind::BrokerLogger => ConfigResource::BrokerLogger(id()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        resource: Resource,
    }

    fn resolve(line: &str) -> Option<ConfigResource> {
        let line = format!("config {line}");
        let line = Line::try_parse_from(line.split_whitespace()).ok()?;
        line.resource.resolve().ok()
    }

    #[test]
    fn each_kind_is_named_in_its_way() {
        let node = NodeId(3);
        for (line, expected) in [
            ("topic t", ConfigResource::Topic("t".to_owned())),
            ("group g", ConfigResource::Group("g".to_owned())),
            ("broker 3", ConfigResource::Broker(node)),
            ("broker-logger 3", ConfigResource::BrokerLogger(node)),
            ("broker --default", ConfigResource::AllBrokers),
        ] {
            assert_eq!(resolve(line), Some(expected), "{line}");
        }
        for wrong in [
            "",
            "topic",
            "topic --default",
            "broker x",
            "broker 1 --default",
            "user u",
        ] {
            assert_eq!(resolve(wrong), None, "{wrong}");
        }
    }
}
