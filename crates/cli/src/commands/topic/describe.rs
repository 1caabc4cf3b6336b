//! `ottla topic describe`.

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use ottla_client::admin::{ConfigEntry, ConfigResource, ConfigSource};
use ottla_client::cluster::{Partition, Topic};
use ottla_client::{Client, ClientError, Isolation, OffsetSpec, TopicPartition};
use ottla_protocol::NodeId;
use serde_json::{Value, json};

use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;
use crate::table;

/// Describe topics: partitions, who leads and keeps them, offsets, configs that differ from the default
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla topic describe orders
  ottla topic describe                                  all but Kafka's own
  ottla topic describe orders --json | jq '.partitions[].leader'")]
pub(crate) struct Describe {
    /// The topics' names; none means all
    #[arg(value_name = "TOPIC")]
    names: Vec<String>,

    /// Without names, include Kafka's own topics
    #[arg(short, long)]
    internal: bool,

    /// Print a JSON object a topic
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// All there is to say about a topic.
struct Described {
    topic: Arc<Topic>,
    configs: Vec<ConfigEntry>,
    partitions: Vec<DescribedPartition>,
}

struct DescribedPartition {
    partition: Partition,
    /// First offset and the one behind the last, if the leader told.
    offsets: Option<(i64, i64)>,
}

impl Describe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let mut output = Output::new();
        let mut outcomes = Vec::new();
        if self.names.is_empty() {
            let all = client.admin().list_topics().await?.into_iter();
            for topic in all.filter(|topic| self.internal || !topic.is_internal) {
                outcomes.push(describe(&client, topic).await);
            }
        }
        for name in &self.names {
            outcomes.push(match client.admin().describe_topic(name).await {
                Ok(topic) => describe(&client, topic).await,
                Err(error) => Err(error),
            });
        }
        let told = tell_each(outcomes, |described| {
            if self.json {
                output.json(&described.to_json())?;
            } else {
                described
                    .to_lines()
                    .iter()
                    .try_for_each(|line| output.line(line))?;
            }
            Ok(())
        });
        output.finish()?;
        told
    }
}

async fn describe(client: &Client, topic: Arc<Topic>) -> Result<Described, ClientError> {
    let admin = client.admin();
    let resource = ConfigResource::Topic(topic.name.to_string());
    let ask = |spec| {
        let led = (0..)
            .zip(&topic.partitions)
            .filter(|(_, partition)| partition.leader.is_some());
        let questions =
            led.map(|(number, _)| (TopicPartition::new(topic.name.clone(), number), spec));
        admin.list_offsets(questions.collect(), Isolation::ReadUncommitted)
    };
    let configs = admin.describe_configs(&resource, false);
    let (configs, starts, ends) =
        tokio::join!(configs, ask(OffsetSpec::Earliest), ask(OffsetSpec::Latest));
    let partitions = (0..).zip(&topic.partitions).map(|(number, partition)| {
        let name = TopicPartition::new(topic.name.clone(), number);
        let offset = |found: &BTreeMap<_, Result<ottla_client::admin::FoundOffset, _>>| {
            found.get(&name)?.as_ref().ok().map(|found| found.offset)
        };
        DescribedPartition {
            partition: partition.clone(),
            offsets: offset(&starts).zip(offset(&ends)),
        }
    });
    Ok(Described {
        partitions: partitions.collect(),
        configs: configs?.into_iter().filter(differs_from_default).collect(),
        topic,
    })
}

fn differs_from_default(config: &ConfigEntry) -> bool {
    config.source != ConfigSource::Default
}

fn source_name(source: ConfigSource) -> &'static str {
    match source {
        ConfigSource::Topic => "topic",
        ConfigSource::Broker | ConfigSource::BrokerDefault | ConfigSource::BrokerStart => "broker",
        ConfigSource::Default => "default",
        ConfigSource::BrokerLogger | ConfigSource::Group | ConfigSource::Other(_) => "elsewhere",
    }
}

impl Described {
    fn to_json(&self) -> Value {
        let ids = |nodes: &[NodeId]| nodes.iter().map(|node| node.0).collect::<Vec<i32>>();
        let partitions = self
            .partitions
            .iter()
            .enumerate()
            .map(|(number, described)| {
                let partition = &described.partition;
                json!({
                    "partition": number,
                    "leader": partition.leader.map(|leader| leader.0),
                    "leader_epoch": partition.leader_epoch,
                    "replicas": ids(&partition.replicas),
                    "in_sync": ids(&partition.in_sync),
                    "offline": ids(&partition.offline),
                    "start_offset": described.offsets.map(|(start, _)| start),
                    "end_offset": described.offsets.map(|(_, end)| end),
                })
            });
        let configs = self.configs.iter().map(|config| {
            json!({
                "name": config.name,
                "value": config.value,
                "source": source_name(config.source),
            })
        });
        json!({
            "name": self.topic.name.as_ref(),
            "id": self.topic.id.to_string(),
            "internal": self.topic.is_internal,
            "configs": configs.collect::<Vec<Value>>(),
            "partitions": partitions.collect::<Vec<Value>>(),
        })
    }

    fn to_lines(&self) -> Vec<String> {
        let topic = &self.topic;
        let mut lines = vec![format!(
            "{} (id {}, {} partitions)",
            topic.name,
            topic.id,
            topic.partitions.len()
        )];
        for config in &self.configs {
            let value = config.value.as_deref().unwrap_or("(hidden)");
            lines.push(format!(
                "  {}={value} ({})",
                config.name,
                source_name(config.source)
            ));
        }
        let heads = [
            ">PARTITION",
            ">LEADER",
            "REPLICAS",
            "IN SYNC",
            ">START",
            ">END",
            ">RECORDS AT MOST",
        ];
        let rows: Vec<Vec<String>> = self
            .partitions
            .iter()
            .enumerate()
            .map(|(number, described)| row(number, described))
            .collect();
        lines.extend(
            table::lines(&heads, &rows)
                .into_iter()
                .map(|line| format!("  {line}")),
        );
        lines
    }
}

fn row(number: usize, described: &DescribedPartition) -> Vec<String> {
    let partition = &described.partition;
    let ids = |nodes: &[NodeId]| {
        let ids: Vec<String> = nodes.iter().map(NodeId::to_string).collect();
        ids.join(",")
    };
    let number_or =
        |number: Option<i64>| number.map_or("?".to_owned(), |number| number.to_string());
    vec![
        number.to_string(),
        partition
            .leader
            .map_or("none".to_owned(), |leader| leader.to_string()),
        ids(&partition.replicas),
        ids(&partition.in_sync),
        number_or(described.offsets.map(|(start, _)| start)),
        number_or(described.offsets.map(|(_, end)| end)),
        number_or(
            described
                .offsets
                .map(|(start, end)| end.saturating_sub(start)),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described() -> Described {
        let partition = |leader: Option<i32>| Partition {
            leader: leader.map(NodeId),
            leader_epoch: 4,
            replicas: vec![NodeId(1), NodeId(2)],
            in_sync: vec![NodeId(1)],
            offline: vec![],
        };
        let topic = Topic {
            name: "orders".into(),
            id: ottla_protocol::TopicId::ZERO,
            is_internal: false,
            partitions: vec![partition(Some(1)), partition(None)],
        };
        let config = ConfigEntry {
            name: "retention.ms".to_owned(),
            value: Some("1000".to_owned()),
            source: ConfigSource::Topic,
            is_read_only: false,
            is_sensitive: false,
            synonyms: vec![],
            documentation: None,
        };
        let offsets = [Some((5, 12)), None];
        let partitions = topic.partitions.iter().cloned().zip(offsets);
        Described {
            partitions: partitions
                .map(|(partition, offsets)| DescribedPartition { partition, offsets })
                .collect(),
            configs: vec![config],
            topic: Arc::new(topic),
        }
    }

    #[test]
    fn a_topic_is_described_in_columns() {
        let expected = "\
orders (id AAAAAAAAAAAAAAAAAAAAAA, 2 partitions)
  retention.ms=1000 (topic)
  PARTITION  LEADER  REPLICAS  IN SYNC  START  END  RECORDS AT MOST
          0       1  1,2       1            5   12                7
          1    none  1,2       1            ?    ?                ?";
        assert_eq!(described().to_lines().join("\n"), expected);
    }

    #[test]
    fn json_says_the_same() {
        let json = described().to_json();
        assert_eq!(json["configs"][0]["value"], "1000");
        assert_eq!(json["partitions"][0]["end_offset"], 12);
        assert_eq!(json["partitions"][1]["leader"], Value::Null);
    }
}
