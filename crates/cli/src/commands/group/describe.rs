//! `ottla group describe`.

use std::collections::BTreeMap;

use clap::Args;
use ottla_client::admin::{GroupDescription, GroupMember};
use ottla_client::{Client, ClientError, TopicPartition};
use serde_json::{Value, json};

use super::positions::{self, Position, number_or_dash};
use crate::connect::Connect;
use crate::failure::Failure;
use crate::outcomes::tell_each;
use crate::output::Output;
use crate::table;

/// Describe groups: state, coordinator, members with what they were assigned, offsets and lag
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla group describe billing
  ottla group describe billing --json | jq '.partitions[] | select(.lag > 0)'")]
pub(crate) struct Describe {
    /// The groups' ids
    #[arg(required = true, value_name = "GROUP")]
    groups: Vec<String>,

    /// Print a JSON object a group
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

/// All there is to say about a group.
struct Described {
    group: GroupDescription,
    positions: Vec<Position>,
}

impl Describe {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let mut output = Output::new();
        let mut outcomes = Vec::new();
        for group in &self.groups {
            outcomes.push(describe(&client, group).await);
        }
        let told = tell_each(outcomes, |described| {
            if self.json {
                output.json(&described.to_json())?;
            } else {
                let lines = described.to_lines();
                lines.iter().try_for_each(|line| output.line(line))?;
            }
            Ok(())
        });
        output.finish()?;
        told
    }
}

async fn describe(client: &Client, group: &str) -> Result<Described, ClientError> {
    let group = client.admin().describe_group(group).await?;
    let assigned: Vec<TopicPartition> = group
        .members
        .iter()
        .flat_map(|member| member.assigned.iter().cloned())
        .collect();
    let positions = positions::positions(client, &group.id, &assigned).await?;
    Ok(Described { group, positions })
}

impl Described {
    fn to_json(&self) -> Value {
        let group = &self.group;
        let owners = self.owners();
        let members = group.members.iter().map(|member| {
            let assigned = member.assigned.iter().map(|partition| {
                json!({"topic": partition.topic.as_ref(), "partition": partition.partition})
            });
            json!({
                "id": member.id,
                "instance_id": member.instance_id,
                "client_id": member.client_id,
                "host": member.host,
                "assigned": assigned.collect::<Vec<Value>>(),
            })
        });
        let partitions = self.positions.iter().map(|position| {
            let mut told = position.to_json();
            told["member"] = json!(owners.get(&position.partition).map(|member| &member.id));
            told
        });
        json!({
            "id": group.id,
            "state": group.state,
            "protocol_type": group.protocol_type,
            "protocol": group.protocol,
            "coordinator": {
                "id": group.coordinator.id.0,
                "address": group.coordinator.address.to_string(),
            },
            "members": members.collect::<Vec<Value>>(),
            "partitions": partitions.collect::<Vec<Value>>(),
            "lag": positions::total_lag(&self.positions),
        })
    }

    fn to_lines(&self) -> Vec<String> {
        let group = &self.group;
        let mut lines = vec![format!(
            "{} ({}, {} members, coordinator {} at {})",
            group.id,
            group.state,
            group.members.len(),
            group.coordinator.id,
            group.coordinator.address,
        )];
        if !group.members.is_empty() {
            let rows: Vec<Vec<String>> = group.members.iter().map(member_row).collect();
            let heads = ["MEMBER", "INSTANCE", "CLIENT", "HOST", "ASSIGNED"];
            let told = table::lines(&heads, &rows);
            lines.extend(told.into_iter().map(|line| format!("  {line}")));
        }
        if !self.positions.is_empty() {
            let owners = self.owners();
            let rows: Vec<Vec<String>> = self
                .positions
                .iter()
                .map(|position| {
                    let owner = owners.get(&position.partition);
                    let mut cells = position.cells();
                    cells.push(owner.map_or("-".to_owned(), |member| member.id.clone()));
                    cells
                })
                .collect();
            let heads: Vec<&str> = positions::HEADS.into_iter().chain(["MEMBER"]).collect();
            let told = table::lines(&heads, &rows);
            lines.extend(told.into_iter().map(|line| format!("  {line}")));
            let total = number_or_dash(Some(positions::total_lag(&self.positions)));
            lines.push(format!("  lag in all: {total} records"));
        }
        lines
    }

    fn owners(&self) -> BTreeMap<&TopicPartition, &GroupMember> {
        let members = self.group.members.iter();
        let owned = members.flat_map(|member| member.assigned.iter().map(move |own| (own, member)));
        owned.collect()
    }
}

fn member_row(member: &GroupMember) -> Vec<String> {
    let assigned: Vec<String> = member.assigned.iter().map(ToString::to_string).collect();
    let or_dash = |text: &str| match text.is_empty() {
        true => "-".to_owned(),
        false => text.to_owned(),
    };
    vec![
        member.id.clone(),
        or_dash(member.instance_id.as_deref().unwrap_or_default()),
        or_dash(&member.client_id),
        or_dash(&member.host),
        or_dash(&assigned.join(" ")),
    ]
}

#[cfg(test)]
mod tests {
    use ottla_client::Address;
    use ottla_client::cluster::Broker;
    use ottla_protocol::NodeId;

    use super::*;

    fn described() -> Described {
        let owned = TopicPartition::new("orders", 0);
        let member = GroupMember {
            id: "c-1".to_owned(),
            instance_id: None,
            client_id: "c".to_owned(),
            host: "/127.0.0.1".to_owned(),
            assigned: vec![owned.clone()],
        };
        let position = |partition, committed| Position {
            partition,
            committed,
            end: Some(9),
        };
        Described {
            group: GroupDescription {
                id: "billing".to_owned(),
                state: "Stable".to_owned(),
                protocol_type: "consumer".to_owned(),
                protocol: "range".to_owned(),
                coordinator: Broker {
                    id: NodeId(1),
                    address: Address::new("localhost", 9092),
                    rack: None,
                },
                members: vec![member],
            },
            positions: vec![
                position(owned, Some(4)),
                position(TopicPartition::new("orders", 1), None),
            ],
        }
    }

    #[test]
    fn a_group_is_described_with_members_and_partitions() {
        let expected = "\
billing (Stable, 1 members, coordinator 1 at localhost:9092)
  MEMBER  INSTANCE  CLIENT  HOST        ASSIGNED
  c-1     -         c       /127.0.0.1  orders-0
  TOPIC   PARTITION  COMMITTED  END  LAG  MEMBER
  orders          0          4    9    5  c-1
  orders          1          -    9    -  -
  lag in all: 5 records";
        assert_eq!(described().to_lines().join("\n"), expected);
    }

    #[test]
    fn json_says_the_same() {
        let json = described().to_json();
        assert_eq!(json["partitions"][0]["lag"], 5);
        assert_eq!(json["partitions"][0]["member"], "c-1");
        assert_eq!(json["partitions"][1]["committed_offset"], Value::Null);
        assert_eq!(json["members"][0]["assigned"][0]["topic"], "orders");
    }
}
