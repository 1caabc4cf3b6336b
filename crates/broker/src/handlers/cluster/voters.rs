//! AddRaftVoter and RemoveRaftVoter (KIP-853): somebody says who votes on the metadata. It is noted in
//! the metadata, whose leader makes it so.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::operations::{ChooseVoter, Refused};
use ottla_metadata::record::Vote;
use ottla_protocol::messages::{
    AddRaftVoterRequest, AddRaftVoterResponse, RemoveRaftVoterRequest, RemoveRaftVoterResponse,
    StrBytes, add_raft_voter_response,
};
use ottla_protocol::{ErrorCode, NodeId};
use tokio::time::{Instant, sleep, timeout_at};
use uuid::Uuid;

use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::limits::{QUORUM_CHANGE_MAX, VOTERS_LOOK};
use crate::net::Reply;

/// Handles a request to add a voter.
pub(crate) fn add(call: Call<'_>, request: AddRaftVoterRequest) -> Reply {
    let wanted = Wanted {
        cluster_id: request.cluster_id,
        node: NodeId(request.voter_id),
        directory: request.voter_directory_id,
        votes: true,
        waits: request.ack_when_committed,
        wait_max: Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0)),
    };
    let broker = Arc::clone(call.broker);
    let allowed = wanted.check(call);
    Reply::later(async move {
        let (code, message) = parts(wanted.make_so(&broker, allowed).await);
        AddRaftVoterResponse::from(
            add_raft_voter_response::AddRaftVoterResponse::default()
                .with_error_code(code)
                .with_error_message(message),
        )
    })
}

/// Handles a request to remove a voter.
pub(crate) fn remove(call: Call<'_>, request: RemoveRaftVoterRequest) -> Reply {
    let wanted = Wanted {
        cluster_id: request.cluster_id,
        node: NodeId(request.voter_id),
        directory: request.voter_directory_id,
        votes: false,
        waits: true,
        wait_max: QUORUM_CHANGE_MAX,
    };
    let broker = Arc::clone(call.broker);
    let allowed = wanted.check(call);
    Reply::later(async move {
        let (code, message) = parts(wanted.make_so(&broker, allowed).await);
        RemoveRaftVoterResponse::default()
            .with_error_code(code)
            .with_error_message(message)
    })
}

/// What is asked for.
struct Wanted {
    cluster_id: Option<StrBytes>,
    node: NodeId,
    directory: Uuid,
    votes: bool,
    /// Whether the answer is wanted when it is so, or when it is noted.
    waits: bool,
    wait_max: Duration,
}

impl Wanted {
    /// What can be said at once, in Kafka's order.
    fn check(&self, call: Call<'_>) -> Result<(), Refused> {
        if !call.may(Operation::Alter, Resource::Cluster) {
            return Err(Refused::plain(ErrorCode::ClusterAuthorizationFailed));
        }
        let image = call.image();
        let is_meant = |id: &StrBytes| image.cluster_id() == Some(&**id);
        if !self.cluster_id.as_ref().is_none_or(is_meant) {
            return Err(Refused::plain(ErrorCode::InconsistentClusterId));
        }
        if self.node.0 < 0 || self.directory.is_nil() {
            let message = "a voter is named by a broker's number and the id of its log directory";
            return Err(Refused::new(ErrorCode::InvalidRequest, message));
        }
        let known = image.broker(self.node);
        let said = known.map_or(Vote::AsNeeded, |broker| broker.vote);
        let is_here = known.is_some_and(|broker| broker.directories.contains(&self.directory));
        let votes = call.broker.metadata.voters().contains(&self.node);
        let node = self.node;
        if self.votes && votes && said != Vote::Never {
            let message = format!("broker {node} is a voter already");
            return Err(Refused::new(ErrorCode::DuplicateVoter, message));
        }
        // One that is yet to vote can be removed too.
        if !self.votes && !(is_here && (votes || said == Vote::Always)) {
            let message = format!(
                "broker {node} with log directory {} is no voter",
                self.directory
            );
            return Err(Refused::new(ErrorCode::VoterNotFound, message));
        }
        if !is_here {
            let message = format!(
                "no broker {node} with log directory {} is registered",
                self.directory
            );
            return Err(Refused::new(ErrorCode::InvalidRequest, message));
        }
        Ok(())
    }

    async fn make_so(&self, broker: &Broker, allowed: Result<(), Refused>) -> Result<(), Refused> {
        allowed?;
        let deadline = Instant::now() + self.wait_max;
        let noting = broker.metadata.choose_voter(ChooseVoter {
            broker: self.node,
            directory: self.directory,
            votes: self.votes,
        });
        match timeout_at(deadline, noting).await {
            Ok(decided) => decided.map_err(Refused::plain)??,
            Err(_elapsed) => return Err(Refused::plain(ErrorCode::RequestTimedOut)),
        }
        while self.waits && broker.metadata.voters().contains(&self.node) != self.votes {
            if Instant::now() >= deadline {
                return Err(Refused::plain(ErrorCode::RequestTimedOut));
            }
            sleep(VOTERS_LOOK).await;
        }
        Ok(())
    }
}

fn parts(result: Result<(), Refused>) -> (i16, Option<StrBytes>) {
    match result {
        Ok(()) => (ErrorCode::None.code(), None),
        Err(refused) => {
            let message = StrBytes::from_string(refused.message);
            (refused.code.code(), Some(message))
        }
    }
}
