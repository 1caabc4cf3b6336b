//! `ottla config describe`.

use clap::Args;
use ottla_client::admin::{ConfigEntry, ConfigSource};
use serde_json::{Value, json};

use super::resource::Resource;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::table;

/// Show what is set, and where each value comes from
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla config describe topic orders               what differs from the default
  ottla config describe topic orders --all         everything, with the values behind it
  ottla config describe broker 1 --json | jq -r 'select(.source != \"default\").name'
  ottla config describe broker --default
  ottla config describe broker-logger 1")]
pub(crate) struct Describe {
    #[command(flatten)]
    resource: Resource,

    /// Include what nobody has set, and show what each value would be otherwise
    #[arg(short, long)]
    all: bool,

    /// Print a JSON object a config
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Describe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let resource = self.resource.resolve()?;
        let client = self.connect.plain_client().await?;
        let entries = client.admin().describe_configs(&resource, self.all).await?;
        let mut output = Output::new();
        let shown: Vec<ConfigEntry> = entries
            .into_iter()
            .filter(|entry| self.all || entry.source != ConfigSource::Default)
            .collect();
        if self.json {
            for entry in &shown {
                output.json(&to_json(entry))?;
            }
        } else {
            for line in to_lines(&shown, self.all) {
                output.line(&line)?;
            }
        }
        Ok(output.finish()?)
    }
}

fn source_name(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::Topic => "topic",
        ConfigSource::Broker => "broker",
        ConfigSource::BrokerDefault => "all brokers",
        ConfigSource::BrokerStart => "broker's start",
        ConfigSource::Default => "default",
        ConfigSource::BrokerLogger => "logger",
        ConfigSource::Group => "group",
        ConfigSource::Other(_) => "elsewhere",
    }
}

fn to_json(entry: &ConfigEntry) -> Value {
    let synonyms = entry.synonyms.iter().map(|synonym| {
        json!({
            "name": synonym.name,
            "value": synonym.value,
            "source": source_name(synonym.source),
        })
    });
    json!({
        "name": entry.name,
        "value": entry.value,
        "source": source_name(entry.source),
        "read_only": entry.is_read_only,
        "sensitive": entry.is_sensitive,
        "synonyms": synonyms.collect::<Vec<Value>>(),
    })
}

fn to_lines(entries: &[ConfigEntry], with_synonyms: bool) -> Vec<String> {
    if entries.is_empty() {
        return Vec::new();
    }
    let row = |entry: &ConfigEntry| {
        let value = match (&entry.value, entry.is_sensitive) {
            (_, true) => "(hidden)",
            (Some(value), false) => value,
            (None, false) => "(none)",
        };
        let mut cells = vec![
            entry.name.clone(),
            value.to_owned(),
            source_name(entry.source).to_owned(),
        ];
        if with_synonyms {
            cells.push(synonyms(entry));
        }
        cells
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let heads = ["NAME", "VALUE", "SOURCE", "SYNONYMS"];
    let count = if with_synonyms { 4 } else { 3 };
    table::lines(&heads[..count], &rows)
}

fn synonyms(entry: &ConfigEntry) -> String {
    let told = entry.synonyms.iter().map(|synonym| {
        let value = synonym.value.as_deref().unwrap_or("(none)");
        format!("{}={value} ({})", synonym.name, source_name(synonym.source))
    });
    told.collect::<Vec<String>>().join(", ")
}

#[cfg(test)]
mod tests {
    use ottla_client::admin::ConfigSynonym;

    use super::*;

    #[test]
    fn values_have_their_source_and_secrets_are_not_shown() {
        let synonym = ConfigSynonym {
            name: "log.retention.ms".to_owned(),
            value: Some("9".to_owned()),
            source: ConfigSource::BrokerStart,
        };
        let entry = |name: &str, value: Option<&str>, is_sensitive| ConfigEntry {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            source: ConfigSource::Topic,
            is_read_only: false,
            is_sensitive,
            synonyms: vec![synonym.clone()],
            documentation: None,
        };
        let entries = [
            entry("retention.ms", Some("5"), false),
            entry("secret", None, true),
        ];
        let lines = to_lines(&entries, true);
        assert!(
            lines[1].ends_with("5         topic   log.retention.ms=9 (broker's start)"),
            "{lines:?}"
        );
        assert!(lines[2].contains("(hidden)"));
        assert_eq!(
            to_lines(&entries, false)[0],
            "NAME          VALUE     SOURCE"
        );
        assert_eq!(to_json(&entries[0])["synonyms"][0]["value"], "9");
    }
}
