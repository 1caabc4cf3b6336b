//! `ottla config alter`.

use clap::{ArgGroup, Args};
use ottla_client::admin::{ConfigChange, ConfigOperation};
use serde_json::json;

use super::resource::Resource;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::properties::{Property, parse_property};

/// Change configs; all changes of one command are made, or none
#[derive(Args, Debug)]
#[command(
    group = ArgGroup::new("changes").required(true).multiple(true),
    after_help = "\
Examples:
  ottla config alter topic orders --set retention.ms=86400000 --unset segment.bytes
  ottla config alter topic orders --append cleanup.policy=compact --dry-run
  ottla config alter broker --default --set log.retention.ms=604800000
  ottla config alter broker-logger 1 --set ottla_broker=DEBUG")]
pub(crate) struct Alter {
    #[command(flatten)]
    resource: Resource,

    /// Give a config this value; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_property, group = "changes")]
    set: Vec<Property>,

    /// Let a config be what it is where nothing is set; may be repeated
    #[arg(short, long, value_name = "NAME", group = "changes")]
    unset: Vec<String>,

    /// Add to a config that is a list; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_property, group = "changes")]
    append: Vec<Property>,

    /// Take out of a config that is a list; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_property, group = "changes")]
    subtract: Vec<Property>,

    /// Only have the broker say whether it could be done
    #[arg(long)]
    dry_run: bool,

    /// Print a JSON object about what was done
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Alter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let resource = self.resource.resolve()?;
        let changes = self.changes();
        let client = self.connect.plain_client().await?;
        let admin = client.admin();
        admin
            .alter_configs(&resource, &changes, self.dry_run)
            .await?;
        if self.json {
            let mut output = Output::new();
            let names: Vec<&str> = changes.iter().map(|change| change.name.as_str()).collect();
            output.json(&json!({
                "resource": resource.to_string(),
                "changed": names,
                "dry_run": self.dry_run,
            }))?;
            return Ok(output.finish()?);
        }
        let count = changes.len();
        if self.dry_run {
            eprintln!("{resource}: {count} changes could be made");
        } else {
            eprintln!("{resource}: {count} changes made");
        }
        Ok(())
    }

    fn changes(&self) -> Vec<ConfigChange> {
        let with = |properties: &[Property], operation: fn(String) -> ConfigOperation| {
            let changes = properties.iter().map(|(name, value)| ConfigChange {
                name: name.clone(),
                operation: operation(value.clone()),
            });
            changes.collect::<Vec<ConfigChange>>()
        };
        let unset = self.unset.iter().map(|name| ConfigChange {
            name: name.clone(),
            operation: ConfigOperation::Unset,
        });
        let mut changes = with(&self.set, ConfigOperation::Set);
        changes.extend(unset);
        changes.extend(with(&self.append, ConfigOperation::Append));
        changes.extend(with(&self.subtract, ConfigOperation::Subtract));
        changes
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        alter: Alter,
    }

    fn parse(line: &str) -> Result<Alter, clap::Error> {
        let line = format!("alter {line}");
        Line::try_parse_from(line.split_whitespace()).map(|line| line.alter)
    }

    #[test]
    fn changes_of_each_kind_are_taken() {
        let line = "topic t --set a=1 -s b=x=y --unset c --append d=2 --subtract e=3 --dry-run";
        let alter = parse(line).unwrap();
        let operations: Vec<ConfigOperation> = alter
            .changes()
            .into_iter()
            .map(|change| change.operation)
            .collect();
        let expected = [
            ConfigOperation::Set("1".to_owned()),
            ConfigOperation::Set("x=y".to_owned()),
            ConfigOperation::Unset,
            ConfigOperation::Append("2".to_owned()),
            ConfigOperation::Subtract("3".to_owned()),
        ];
        assert_eq!(operations, expected);
        assert!(alter.dry_run);
    }

    #[test]
    fn something_has_to_change() {
        for line in ["topic t", "topic t --set a", "topic --set a=1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
