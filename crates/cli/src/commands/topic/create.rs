//! `ottla topic create`.

use clap::Args;
use ottla_client::admin::{CreatedTopic, NewTopic};
use ottla_protocol::{ErrorCode, NodeId};
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;
use crate::properties::{Property, parse_property};

/// Create topics
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic create orders
  ottla topic create orders payments --partitions 6 --replication-factor 3
  ottla topic create audit --config cleanup.policy=compact --config retention.ms=-1
  ottla topic create placed --replica-assignment 1:2,2:3    two partitions on brokers 1,2 and 2,3")]
pub(crate) struct Create {
    /// The topics' names
    #[arg(required = true, value_name = "TOPIC")]
    names: Vec<String>,

    /// How many partitions each gets [default: the broker's]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i32).range(1..))]
    partitions: Option<i32>,

    /// How many brokers keep each partition [default: the broker's]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// Which brokers keep each partition, preferred leader first: brokers joined by ':', partitions by ','
    #[arg(long, value_name = "ID:ID,…", value_parser = parse_assignment, conflicts_with_all = ["partitions", "replication_factor"])]
    replica_assignment: Option<Assignment>,

    /// A config that differs from the broker's default; may be repeated
    #[arg(short, long, value_name = "NAME=VALUE", value_parser = parse_property)]
    config: Vec<Property>,

    /// Leave topics that exist as they are
    #[arg(long)]
    if_not_exists: bool,

    /// Only say whether the topics could be created
    #[arg(long)]
    validate_only: bool,

    /// Print a JSON object a topic
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// The replicas of each partition. A type of its own, because a flag with a `Vec` is one that may be repeated.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Assignment(Vec<Vec<NodeId>>);

fn parse_assignment(text: &str) -> Result<Assignment, String> {
    let broker = |id: &str| {
        let id = id.trim().parse::<i32>().ok().filter(|&id| id >= 0);
        id.map(NodeId)
            .ok_or_else(|| format!("\"{text}\" is not broker ids joined by ':' and ','"))
    };
    let partition = |ids: &str| ids.split(':').map(broker).collect();
    text.split(',')
        .map(partition)
        .collect::<Result<_, String>>()
        .map(Assignment)
}

impl Create {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let topics: Vec<NewTopic> = self.names.iter().map(|name| self.topic(name)).collect();
        let outcomes = client
            .admin()
            .create_topics(&topics, self.validate_only)
            .await?;
        let mut output = Output::new();
        let outcomes =
            self.names
                .iter()
                .zip(outcomes)
                .filter_map(|(name, outcome)| match outcome {
                    Err(error)
                        if self.if_not_exists
                            && error.code() == Some(ErrorCode::TopicAlreadyExists) =>
                    {
                        eprintln!("topic {name} exists already");
                        None
                    }
                    outcome => Some(outcome),
                });
        tell_each(outcomes, |created| self.tell(&created, &mut output))?;
        Ok(output.finish()?)
    }

    fn topic(&self, name: &str) -> NewTopic {
        let assignments = self.replica_assignment.clone().unwrap_or_default();
        NewTopic {
            name: name.to_owned(),
            partitions: self.partitions,
            replication_factor: self.replication_factor,
            assignments: assignments.0,
            configs: self.config.clone(),
        }
    }

    fn tell(&self, created: &CreatedTopic, output: &mut Output) -> Result<(), Failure> {
        if self.json {
            output.json(&json!({
                "name": created.name,
                "id": created.id.to_string(),
                "partitions": created.partitions,
                "replication_factor": created.replication_factor,
                "validate_only": self.validate_only,
            }))?;
            return Ok(());
        }
        let count = |count: Option<i32>| {
            count.map_or("an unknown number".to_owned(), |count| count.to_string())
        };
        eprintln!(
            "{} topic {} (partitions: {}, replication factor: {})",
            if self.validate_only {
                "could create"
            } else {
                "created"
            },
            created.name,
            count(created.partitions),
            count(created.replication_factor.map(i32::from)),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        create: Create,
    }

    fn parse(line: &str) -> Result<Create, clap::Error> {
        Line::try_parse_from(format!("create {line}").split_whitespace()).map(|line| line.create)
    }

    #[test]
    fn names_counts_and_configs_are_taken() {
        let create = parse("a b -p 3 -r 2 -c retention.ms=5 --config x=y=z").unwrap();
        let topic = create.topic("a");
        assert_eq!(create.names, ["a", "b"]);
        assert_eq!(
            (topic.partitions, topic.replication_factor),
            (Some(3), Some(2))
        );
        assert_eq!(topic.configs[1], ("x".to_owned(), "y=z".to_owned()));
    }

    #[test]
    fn an_assignment_excludes_counts() {
        let create = parse("a --replica-assignment 1:2,2:3").unwrap();
        assert_eq!(
            create.topic("a").assignments,
            [[NodeId(1), NodeId(2)], [NodeId(2), NodeId(3)]]
        );
        assert!(parse("a --replica-assignment 1:2 -p 3").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "a -p 0",
            "a -r 0",
            "a -p x",
            "a -c retention.ms",
            "a --replica-assignment 1:x",
            "a --replica-assignment -1",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
