//! How a command reaches the cluster: the flags that all of them share.

use std::path::PathBuf;

use clap::Args;
use ottla_client::{Address, Client, ClientConfig};

use crate::failure::Failure;
use crate::profiles::{self, Profile};
use crate::properties::{self, Property, Taker};

/// Where a broker listens if nobody says otherwise.
const DEFAULT_BROKER: &str = "127.0.0.1:9092";

/// Flags of every command that talks to a cluster.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connect {
    /// Brokers to ask first, any of which is enough [default: 127.0.0.1:9092]
    #[arg(
        short,
        long,
        value_name = "HOST:PORT,…",
        env = "OTTLA_BOOTSTRAP_SERVERS"
    )]
    bootstrap_server: Option<String>,

    /// Settings by Kafka's names, in a properties file
    #[arg(long, value_name = "FILE", env = "OTTLA_COMMAND_CONFIG")]
    command_config: Option<PathBuf>,
}

impl Connect {
    /// Connects. Settings of the profile, of the file and then `more` go to the client or to `taker`; what neither knows is named
    /// on standard error if it comes from a file, which other programs may share, and is wrong usage if it is one
    /// of `more`.
    pub(crate) async fn client(
        &self,
        more: &[Property],
        taker: Taker<'_>,
    ) -> Result<Client, Failure> {
        let config = self.config(profiles::in_use()?, more, taker)?;
        Ok(Client::connect(config).await?)
    }

    /// Connects, for a command without settings of its own.
    pub(crate) async fn plain_client(&self) -> Result<Client, Failure> {
        self.client(&[], &mut |_, _| Ok(false)).await
    }

    /// The first of the brokers named, for a command that asks one.
    pub(crate) fn first_address(&self) -> Result<Address, Failure> {
        let config = self.config(profiles::in_use()?, &[], &mut |_, _| Ok(false))?;
        let first = config.bootstrap.into_iter().next();
        first.ok_or_else(|| Failure::Usage("no broker is named".to_owned()))
    }

    fn config(
        &self,
        profile: Option<Profile>,
        more: &[Property],
        taker: Taker<'_>,
    ) -> Result<ClientConfig, Failure> {
        let default = Address::parse_list(DEFAULT_BROKER)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let mut config = ClientConfig::new(default);
        config.client_id = "ottla-cli".to_owned();
        let profile = profile.unwrap_or_default();
        let path = self.command_config.as_ref();
        let mut of_file = match path.or(profile.command_config.as_ref()) {
            Some(path) => properties::read_file(path)?,
            None => Vec::new(),
        };
        // What is written later wins: a profile's own words over its file, a file named here over the profile.
        let servers = profile.bootstrap_servers;
        let servers = servers.map(|servers| ("bootstrap.servers".to_owned(), servers));
        let of_profile = profile.properties.into_iter().chain(servers);
        match path {
            Some(_) => of_file = of_profile.chain(of_file).collect(),
            None => of_file.extend(of_profile),
        }
        let mut client = |name: &str, value: &str| config.set(name, value);
        let unknown = properties::apply(&of_file, &mut [&mut client, &mut *taker])?;
        if !unknown.is_empty() {
            eprintln!(
                "ottla: settings that have no meaning here: {}",
                unknown.join(", ")
            );
        }
        let unknown = properties::apply(more, &mut [&mut client, taker])?;
        if !unknown.is_empty() {
            return Err(Failure::Usage(format!(
                "there is no such setting: {}",
                unknown.join(", ")
            )));
        }
        if let Some(servers) = &self.bootstrap_server {
            config.bootstrap =
                Address::parse_list(servers).map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(bootstrap_server: Option<&str>) -> Connect {
        Connect {
            bootstrap_server: bootstrap_server.map(str::to_owned),
            command_config: None,
        }
    }

    fn property(name: &str, value: &str) -> Property {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn the_flag_wins_over_settings_and_settings_over_the_default() {
        let bootstrap = |flag, more: &[Property]| {
            let config = connect(flag).config(None, more, &mut |_, _| Ok(false));
            let config = config.unwrap();
            config.bootstrap[0].to_string()
        };
        let setting = [property("bootstrap.servers", "setting:1")];
        assert_eq!(bootstrap(None, &[]), DEFAULT_BROKER);
        assert_eq!(bootstrap(None, &setting), "setting:1");
        assert_eq!(bootstrap(Some("flag:1"), &setting), "flag:1");
    }

    #[test]
    fn a_profile_wins_over_the_default_and_over_nothing_else() {
        let profile = Profile {
            bootstrap_servers: Some("profile:1".to_owned()),
            properties: vec![property("client.id", "me")],
            ..Profile::default()
        };
        let config = |flag, more: &[Property]| {
            let profile = Some(profile.clone());
            connect(flag)
                .config(profile, more, &mut |_, _| Ok(false))
                .unwrap()
        };
        let plain = config(None, &[]);
        assert_eq!(plain.bootstrap[0].to_string(), "profile:1");
        assert_eq!(plain.client_id, "me");
        let setting = [property("bootstrap.servers", "setting:1")];
        assert_eq!(config(None, &setting).bootstrap[0].to_string(), "setting:1");
        assert_eq!(
            config(Some("flag:1"), &setting).bootstrap[0].to_string(),
            "flag:1"
        );
    }

    #[test]
    fn a_setting_that_nobody_knows_is_wrong_usage() {
        let result = connect(None).config(None, &[property("no.such", "1")], &mut |_, _| Ok(false));
        assert!(matches!(result, Err(Failure::Usage(_))));
    }
}
