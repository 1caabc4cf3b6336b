//! What a broker does with the Raft requests of others.

use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest,
};
use ottla_platform::planted::Planted;
use ottla_storage::Boundary;
use tokio::task::coop::unconstrained;

use super::wire::{self, Malformed};
use crate::contradiction::contradiction;
use crate::partition::Partition;
use crate::snapshot::snapshot_of;
use crate::transport::{Answer, Kind, Refusal};
use crate::types::{Types, Vote};

/// A Raft request, read.
enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Snapshot(Vote, Boundary),
    Transfer(TransferLeaderRequest<Types>),
}

/// Has a replica's group answer a request. The first poll hands it to the group, so that requests keep their
/// order; `None` if requests of this kind are not Raft's.
pub(crate) fn answer(partition: Partition, kind: Kind, body: Bytes) -> Option<Answer> {
    let request = match read(kind, body)? {
        Ok(request) => request,
        Err(Malformed) => {
            tracing::warn!(
                ?kind,
                "a broker sent a message that makes no sense or is damaged"
            );
            return Some(std::future::ready(Err(Refusal::Malformed)).boxed());
        }
    };
    Some(unconstrained(carry_out(partition, request)).boxed())
}

fn read(kind: Kind, body: Bytes) -> Option<Result<Request, Malformed>> {
    Some(match kind {
        Kind::Append => wire::decode_append(body).map(Request::Append),
        Kind::Vote => wire::decode_vote_request(body).map(Request::Vote),
        Kind::PreVote => wire::decode_vote_request(body).map(Request::PreVote),
        Kind::Snapshot => {
            wire::decode_snapshot(body).map(|(vote, boundary)| Request::Snapshot(vote, boundary))
        }
        Kind::Transfer => wire::decode_transfer(body).map(Request::Transfer),
        Kind::Beat
        | Kind::Metadata
        | Kind::Transactions
        | Kind::HandOver
        | Kind::Quota
        | Kind::Frames
        | Kind::Compacted => return None,
    })
}

async fn carry_out(partition: Partition, request: Request) -> Result<Bytes, Refusal> {
    let raft = &partition.raft;
    match request {
        Request::Append(request) => {
            let (term, committed) = (request.vote.leader_id().term, request.leader_commit);
            let first = request.prev_log_id.map_or(0, |id| id.index + 1);
            let next_index = first + request.entries.len() as u64;
            if term.0 >= partition.leader_epoch()
                && let Some(theirs) = contradiction(partition.log(), &request)
            {
                partition.shared.contradict(theirs);
                // whoever has it open opens it anew then
                tokio::spawn(async move { partition.raft.shutdown().await });
                return Err(Refusal::Stopped);
            }
            let response = raft.append_entries(request).await.map_err(stopped)?;
            let shared = &partition.shared;
            if response == AppendEntriesResponse::Success
                && shared.found_alike(term, next_index, committed)
            {
                tokio::spawn(Arc::clone(shared).note_whole(next_index));
            }
            Ok(wire::encode_appended(&response))
        }
        Request::Vote(request) => {
            let candidate = request.vote;
            let mut response = raft.vote(request).await.map_err(stopped)?;
            let is_same_term = response.vote.leader_id().term == candidate.leader_id().term;
            if is_same_term && Planted::DoubleVote.is_there() {
                (response.vote, response.vote_granted) = (candidate, true);
            }
            Ok(wire::encode_voted(&response))
        }
        Request::PreVote(request) => {
            let response = raft.pre_vote(request).await.map_err(stopped)?;
            Ok(wire::encode_voted(&response))
        }
        Request::Snapshot(vote, boundary) => {
            let snapshot = snapshot_of(boundary).map_err(|_| Refusal::Malformed)?;
            let installed = raft.install_full_snapshot(vote, snapshot).await;
            Ok(wire::encode_installed(&installed.map_err(stopped)?))
        }
        Request::Transfer(mut request) => {
            // openraft would wait until the last entry is written here, which it will not be again.
            // That the log is as new as the leader's is seen by those who vote.
            let last = request.last_log_id();
            if last.is_some_and(|last| partition.shared.began_with(last)) {
                let (leader, me) = (*request.from_leader(), *request.to_node_id());
                request = TransferLeaderRequest::new(leader, me, None);
            }
            let response = raft.handle_transfer_leader(request).await;
            Ok(wire::encode_transferred(&response.map_err(stopped)?))
        }
    }
}

fn stopped<E>(_: E) -> Refusal {
    Refusal::Stopped
}
