//! `ottla cluster decommission`: moves what a broker keeps to others, then has the cluster forget it.
//!
//! Each look begins with what the cluster says, so that a run that was broken off goes on with the next.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::Args;
use ottla_client::Client;
use ottla_client::admin::Reassignment;
use ottla_protocol::NodeId;
use serde_json::json;
use tokio::time::sleep;

use super::moves::{Kept, TooFewBrokers, plan};
use crate::confirm::Confirm;
use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;

/// How often it is looked how far the replicas are.
const LOOK: Duration = Duration::from_millis(500);

/// Partitions that move at a time: more would take the disks from the clients.
const MOVING_AT_ONCE_MAX: usize = 50;

/// Move everything off a broker and have the cluster forget it
///
/// The broker must run, or others have all that it keeps. Broken off, it goes on when it is run again.
/// When it is done the broker can be stopped.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla cluster decommission 3 --dry-run         what would go where
  ottla cluster decommission 3
  ottla cluster decommission 3 --yes             without asking")]
pub(crate) struct Decommission {
    /// The broker's id
    #[arg(value_name = "NODE")]
    node: i32,

    /// Only say what would be moved
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,

    /// Print a JSON object for each partition to be moved, and one at the end
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    confirm: Confirm,

    #[command(flatten)]
    connect: Connect,
}

impl Decommission {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.connect.plain_client().await?;
        let leaving = NodeId(self.node);
        let first = left(&client, leaving).await?;
        let mut output = Output::new();
        for one in &first.to_move {
            self.tell(one, &mut output)?;
        }
        output.flush()?;
        if self.dry_run {
            return Ok(output.finish()?);
        }
        let partitions = first.to_move.len() + first.on_their_way;
        let what = format!("move {partitions} partitions off broker {leaving} and unregister it");
        self.confirm.ask(&what)?;
        move_all(&client, leaving).await?;
        forget(&client, leaving).await?;
        if self.json {
            output.json(&json!({"node": leaving.0, "moved": partitions, "unregistered": true}))?;
        } else {
            eprintln!("broker {leaving} is unregistered: it can be stopped");
        }
        Ok(output.finish()?)
    }

    fn tell(&self, one: &Reassignment, output: &mut Output) -> io::Result<()> {
        let ids: Vec<i32> = one.replicas.iter().map(|id| id.0).collect();
        if self.json {
            return output.json(&json!({
                "topic": one.topic, "partition": one.partition, "replicas": ids,
            }));
        }
        if self.dry_run {
            eprintln!(
                "would move {}-{} to brokers {ids:?}",
                one.topic, one.partition
            );
        }
        Ok(())
    }
}

/// What a broker that leaves still keeps.
struct Left {
    to_move: Vec<Reassignment>,
    on_their_way: usize,
}

/// Looks, and plans.
async fn left(client: &Client, leaving: NodeId) -> Result<Left, Failure> {
    let admin = client.admin();
    let cluster = admin.describe_cluster().await?;
    if !cluster.brokers.iter().any(|it| it.broker.id == leaving) {
        return Err(Failure::failed(format!("there is no broker {leaving}")));
    }
    // Asked before the topics: what has arrived in between is looked at once more, and not missed.
    let removing: BTreeMap<(String, i32), Vec<NodeId>> = admin
        .reassignments()
        .await?
        .into_iter()
        .map(|one| ((one.topic, one.partition), one.removing))
        .collect();
    let mut kept = Vec::new();
    let mut on_their_way = 0;
    for topic in admin.list_topics().await? {
        for (number, partition) in (0..).zip(&topic.partitions) {
            let going = removing.get(&(topic.name.to_string(), number));
            let goes = |node: &NodeId| going.is_some_and(|going| going.contains(node));
            on_their_way += usize::from(goes(&leaving));
            kept.push(Kept {
                topic: topic.name.to_string(),
                partition: number,
                replicas: partition
                    .replicas
                    .iter()
                    .copied()
                    .filter(|node| !goes(node))
                    .collect(),
            });
        }
    }
    match plan(&kept, &cluster.brokers, leaving) {
        Ok(to_move) => Ok(Left {
            to_move,
            on_their_way,
        }),
        Err(TooFewBrokers(topics)) => Err(Failure::failed(format!(
            "too few other brokers are in service for the replicas of {}: add a broker, or have these topics \
             kept by fewer",
            topics.join(", ")
        ))),
    }
}

/// Moves until the broker keeps nothing.
async fn move_all(client: &Client, leaving: NodeId) -> Result<(), Failure> {
    let mut line = ProgressLine::default();
    loop {
        let left = left(client, leaving).await?;
        let partitions = left.to_move.len() + left.on_their_way;
        line.tell(partitions);
        if partitions == 0 {
            line.finish();
            return Ok(());
        }
        let room = MOVING_AT_ONCE_MAX.saturating_sub(left.on_their_way);
        let next = &left.to_move[..room.min(left.to_move.len())];
        if !next.is_empty() {
            for outcome in client.admin().reassign(next).await? {
                outcome?;
            }
        }
        sleep(LOOK).await;
    }
}

/// Takes the broker's vote, if it has one, and has the cluster forget it.
async fn forget(client: &Client, leaving: NodeId) -> Result<(), Failure> {
    let admin = client.admin();
    let quorum = admin.describe_quorum().await?;
    if let Some(voter) = quorum.voters.iter().find(|voter| voter.node == leaving) {
        admin.remove_voter(voter).await?;
    }
    Ok(admin.unregister_broker(leaving).await?)
}

/// What is left, on standard error, where somebody looks.
#[derive(Default)]
struct ProgressLine {
    has_told: bool,
}

impl ProgressLine {
    fn tell(&mut self, partitions: usize) {
        if io::stderr().is_terminal() {
            self.has_told = true;
            // Over the line before. If nobody can read it, that is no reason to stop.
            let _ = write!(io::stderr(), "\r\x1b[K{partitions} partitions left");
        }
    }

    fn finish(&self) {
        if self.has_told {
            eprintln!();
        }
    }
}
