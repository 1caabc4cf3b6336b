//! `ottla profile set`, `ottla profile use` and `ottla profile remove`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use ottla_client::Address;

use crate::confirm::Confirm;
use crate::failure::Failure;
use crate::profiles::{Profile, Profiles};
use crate::properties::{Property, parse_property};

/// Make a profile, or change what is named of it
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true),
    after_help = "\
Examples:
  ottla profile set prod --bootstrap-servers a:9092,b:9092
  ottla profile set prod --property request.timeout.ms=5000
  ottla --profile prod topic list")]
pub(crate) struct Set {
    /// The profile
    #[arg(value_name = "NAME", value_parser = parse_name)]
    name: String,

    /// Brokers to ask first
    #[arg(long, value_name = "HOST:PORT,…", value_parser = parse_servers, group = "what")]
    bootstrap_servers: Option<String>,

    /// A properties file with settings by Kafka's names
    #[arg(long, value_name = "FILE", group = "what")]
    command_config: Option<PathBuf>,

    /// A setting by Kafka's name; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_property, group = "what")]
    property: Vec<Property>,
}

fn parse_name(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a profile has a name".to_owned()),
        name => Ok(name.to_owned()),
    }
}

fn parse_servers(text: &str) -> Result<String, String> {
    let parsed = Address::parse_list(text).map_err(|error| error.to_string())?;
    let texts: Vec<String> = parsed.iter().map(ToString::to_string).collect();
    Ok(texts.join(","))
}

impl Set {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut profiles = Profiles::open()?;
        // Where the command is run from must not matter later.
        let command_config = self.command_config.map(std::path::absolute).transpose();
        let command_config = command_config.map_err(Failure::failed)?;
        let new = Profile {
            bootstrap_servers: self.bootstrap_servers,
            command_config,
            properties: self.property,
        };
        profiles.set(&self.name, &new)?;
        profiles.save()?;
        eprintln!("profile {} is set", self.name);
        Ok(())
    }
}

/// Use a profile from now on where no other is named
#[derive(Args, Debug)]
pub(crate) struct Use {
    /// The profile
    #[arg(value_name = "NAME")]
    name: String,
}

impl Use {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut profiles = Profiles::open()?;
        profiles.set_current(&self.name)?;
        profiles.save()?;
        eprintln!("profile {} is used from now on", self.name);
        Ok(())
    }
}

/// Forget a profile
#[derive(Args, Debug)]
pub(crate) struct Remove {
    /// The profile
    #[arg(value_name = "NAME")]
    name: String,

    #[command(flatten)]
    confirm: Confirm,
}

impl Remove {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut profiles = Profiles::open()?;
        profiles.remove(&self.name)?;
        self.confirm.ask(&format!("remove profile {}", self.name))?;
        profiles.save()?;
        eprintln!("profile {} is removed", self.name);
        Ok(())
    }
}
