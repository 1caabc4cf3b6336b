//! How a command reaches the cluster: the flags that all of them share.

use std::path::PathBuf;

use clap::Args;
use ottla_client::{Address, Client, ClientConfig};

use crate::failure::Failure;
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
    /// Connects. Settings of the file and then `more` go to the client or to `taker`; what neither knows is named
    /// on standard error if it comes from the file, which other programs may share, and is wrong usage if it is one
    /// of `more`.
    pub(crate) async fn client(
        &self,
        more: &[Property],
        taker: Taker<'_>,
    ) -> Result<Client, Failure> {
        let config = self.config(more, taker)?;
        Ok(Client::connect(config).await?)
    }

    /// Connects, for a command without settings of its own.
    pub(crate) async fn plain_client(&self) -> Result<Client, Failure> {
        self.client(&[], &mut |_, _| Ok(false)).await
    }

    /// The first of the brokers named, for a command that asks one.
    pub(crate) fn first_address(&self) -> Result<Address, Failure> {
        let config = self.config(&[], &mut |_, _| Ok(false))?;
        let first = config.bootstrap.into_iter().next();
        first.ok_or_else(|| Failure::Usage("no broker is named".to_owned()))
    }

    fn config(&self, more: &[Property], taker: Taker<'_>) -> Result<ClientConfig, Failure> {
        let default = Address::parse_list(DEFAULT_BROKER)
            .map_err(|error| Failure::Usage(error.to_string()))?;
        let mut config = ClientConfig::new(default);
        config.client_id = "ottla-cli".to_owned();
        let of_file = match &self.command_config {
            Some(path) => properties::read_file(path)?,
            None => Vec::new(),
        };
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
            let config = connect(flag).config(more, &mut |_, _| Ok(false)).unwrap();
            config.bootstrap[0].to_string()
        };
        let setting = [property("bootstrap.servers", "setting:1")];
        assert_eq!(bootstrap(None, &[]), DEFAULT_BROKER);
        assert_eq!(bootstrap(None, &setting), "setting:1");
        assert_eq!(bootstrap(Some("flag:1"), &setting), "flag:1");
    }

    #[test]
    fn a_setting_that_nobody_knows_is_wrong_usage() {
        let result = connect(None).config(&[property("no.such", "1")], &mut |_, _| Ok(false));
        assert!(matches!(result, Err(Failure::Usage(_))));
    }
}
