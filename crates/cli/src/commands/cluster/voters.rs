//! `ottla cluster add-voter` and `ottla cluster remove-voter`.

use clap::Args;
use ottla_client::admin::QuorumMember;
use ottla_protocol::NodeId;
use serde_json::json;

use crate::connect::Connect;
use crate::failure::Failure;
use crate::output::Output;

/// Have a broker vote on the cluster's metadata
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla cluster add-voter 4")]
pub(crate) struct AddVoter {
    #[command(flatten)]
    voter: Voter,
}

/// Have a broker vote on the cluster's metadata no more
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  ottla cluster remove-voter 4")]
pub(crate) struct RemoveVoter {
    #[command(flatten)]
    voter: Voter,
}

#[derive(Args, Debug)]
struct Voter {
    /// The broker's id
    #[arg(value_name = "NODE")]
    node: i32,

    /// Print a JSON object
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    connect: Connect,
}

impl AddVoter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.voter.connect.plain_client().await?;
        let quorum = client.admin().describe_quorum().await?;
        let node = NodeId(self.voter.node);
        let all = quorum.observers.iter().chain(&quorum.voters);
        let member = find(all, node)
            .ok_or_else(|| Failure::failed(format!("broker {node} has no metadata to vote on")))?;
        client.admin().add_voter(member).await?;
        self.voter.tell(true)
    }
}

impl RemoveVoter {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let client = self.voter.connect.plain_client().await?;
        let quorum = client.admin().describe_quorum().await?;
        let node = NodeId(self.voter.node);
        let member = find(&quorum.voters, node)
            .ok_or_else(|| Failure::failed(format!("broker {node} is no voter")))?;
        client.admin().remove_voter(member).await?;
        self.voter.tell(false)
    }
}

impl Voter {
    fn tell(&self, votes: bool) -> Result<(), Failure> {
        let mut output = Output::new();
        match (self.json, votes) {
            (true, _) => output.json(&json!({"node": self.node, "votes": votes}))?,
            (false, true) => eprintln!("broker {} votes on the metadata", self.node),
            (false, false) => eprintln!("broker {} votes on the metadata no more", self.node),
        }
        Ok(output.finish()?)
    }
}

fn find<'a>(
    members: impl IntoIterator<Item = &'a QuorumMember>,
    node: NodeId,
) -> Option<&'a QuorumMember> {
    members.into_iter().find(|member| member.node == node)
}
