//! `ottla cluster describe`.

use std::sync::Arc;

use clap::Args;
use ottla_client::admin::{ClusterDescription, QuorumDescription};
use ottla_client::cluster::Topic;
use ottla_protocol::NodeId;
use serde_json::{Value, json};

use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;
use crate::table;

/// Describe the cluster: its brokers, what they hold and lead, and who votes on the metadata
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla cluster describe
  ottla cluster describe --json | jq -r '.brokers[] | select(.fenced).id'")]
pub(crate) struct Describe {
    /// Print a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl Describe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let described = Described {
            cluster: client.admin().describe_cluster().await?,
            topics: client.admin().list_topics().await?,
            quorum: client.admin().describe_quorum().await?,
        };
        let mut output = Output::new();
        if self.json {
            output.json(&described.to_json())?;
        } else {
            for line in described.to_lines() {
                output.line(&line)?;
            }
        }
        Ok(output.finish()?)
    }
}

struct Described {
    cluster: ClusterDescription,
    topics: Vec<Arc<Topic>>,
    quorum: QuorumDescription,
}

impl Described {
    /// How many partitions a broker leads, and how many it holds.
    fn load(&self, node: NodeId) -> (usize, usize) {
        let partitions = || self.topics.iter().flat_map(|topic| &topic.partitions);
        let leads = partitions().filter(|one| one.leader == Some(node)).count();
        let holds = partitions()
            .filter(|one| one.replicas.contains(&node))
            .count();
        (leads, holds)
    }

    /// What a broker is to the metadata.
    fn role(&self, node: NodeId) -> &'static str {
        let votes = self.quorum.voters.iter().any(|voter| voter.node == node);
        match () {
            () if self.quorum.leader == node => "leader",
            () if votes => "voter",
            () => "observer",
        }
    }

    fn to_lines(&self) -> Vec<String> {
        let heads = [
            ">BROKER",
            "ADDRESS",
            "RACK",
            "STATE",
            ">LEADS",
            ">REPLICAS",
            "METADATA",
        ];
        let rows: Vec<Vec<String>> = self
            .cluster
            .brokers
            .iter()
            .map(|described| {
                let broker = &described.broker;
                let (leads, holds) = self.load(broker.id);
                let state = if described.is_fenced {
                    "fenced"
                } else {
                    "in service"
                };
                vec![
                    broker.id.to_string(),
                    broker.address.to_string(),
                    broker.rack.clone().unwrap_or("-".to_owned()),
                    state.to_owned(),
                    leads.to_string(),
                    holds.to_string(),
                    self.role(broker.id).to_owned(),
                ]
            })
            .collect();
        let count = rows.len();
        let head = format!("{} ({count} brokers)", self.cluster.cluster_id);
        std::iter::once(head)
            .chain(table::lines(&heads, &rows))
            .collect()
    }

    fn to_json(&self) -> Value {
        let brokers: Vec<Value> = self
            .cluster
            .brokers
            .iter()
            .map(|described| {
                let broker = &described.broker;
                let (leads, holds) = self.load(broker.id);
                json!({
                    "id": broker.id.0,
                    "address": broker.address.to_string(),
                    "rack": broker.rack,
                    "fenced": described.is_fenced,
                    "leads": leads,
                    "replicas": holds,
                    "metadata": self.role(broker.id),
                })
            })
            .collect();
        json!({
            "cluster_id": self.cluster.cluster_id,
            "metadata": {
                "leader": self.quorum.leader.0,
                "leader_epoch": self.quorum.leader_epoch,
                "high_watermark": self.quorum.high_watermark,
            },
            "brokers": brokers,
        })
    }
}
