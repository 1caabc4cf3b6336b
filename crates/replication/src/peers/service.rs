//! What a broker does with the Raft requests of others.

use bytes::Bytes;
use futures::FutureExt;
use openraft::raft::{AppendEntriesRequest, VoteRequest};
use ottla_storage::Boundary;
use tokio::task::coop::unconstrained;

use super::wire::{self, Malformed};
use crate::snapshot::snapshot_of;
use crate::transport::{Answer, Kind, Refusal};
use crate::types::{Raft, Types, Vote};

/// A Raft request, read.
enum Request {
    Append(AppendEntriesRequest<Types>),
    Vote(VoteRequest<Types>),
    PreVote(VoteRequest<Types>),
    Snapshot(Vote, Boundary),
    Transfer(openraft::raft::TransferLeaderRequest<Types>),
}

/// Has `raft` answer a request. The first poll hands it to the group, so that requests keep their
/// order; `None` if requests of this kind are not Raft's.
pub(crate) fn answer(raft: Raft, kind: Kind, body: Bytes) -> Option<Answer> {
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
    Some(unconstrained(carry_out(raft, request)).boxed())
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
        Kind::Beat | Kind::Metadata | Kind::HandOver => return None,
    })
}

async fn carry_out(raft: Raft, request: Request) -> Result<Bytes, Refusal> {
    match request {
        Request::Append(request) => {
            let response = raft.append_entries(request).await.map_err(stopped)?;
            Ok(wire::encode_appended(&response))
        }
        Request::Vote(request) => {
            let response = raft.vote(request).await.map_err(stopped)?;
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
        Request::Transfer(request) => {
            let response = raft.handle_transfer_leader(request).await;
            Ok(wire::encode_transferred(&response.map_err(stopped)?))
        }
    }
}

fn stopped<E>(_: E) -> Refusal {
    Refusal::Stopped
}
