//! What openraft calls to reach a peer of a group.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt};
use openraft::alias::SnapshotOf;
use openraft::entry::RaftEntry;
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{Backoff, RPCOption, RaftNetworkFactory, v2::RaftNetworkV2};
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{AnyError, OptionalSend};
use ottla_protocol::types::NodeId;
use ottla_storage::Boundary;
use tokio::time::timeout;

use super::wire;
use crate::throttle::Gate;
use crate::transport::{Endpoint, Kind, Lane, Link, LinkError, Reply};
use crate::types::{Directory, Member, RaftLogId, Types, Vote};

/// Requests with entries that are under way to one follower of one group.
const WINDOW: usize = 16;
/// How long entries and snapshots may take to be written and synced by a peer that is alive. One
/// that is not is noticed much earlier, and its links are broken.
const SLOW: Duration = Duration::from_secs(30);

/// How long to rest after a peer was not reached, doubled this many times at most.
const REST: Duration = Duration::from_millis(10);
const REST_DOUBLINGS: u32 = 5;

type Rpc<T> = Result<T, RPCError<Types>>;

/// The way to one member of one group. What makes clients is one without a target.
#[derive(Clone)]
pub(crate) struct Network {
    group: u64,
    /// None: this broker is alone.
    endpoint: Option<Arc<Endpoint>>,
    gate: Option<Gate>,
    target: NodeId,
    /// Where the group knows its replica to be. On another disk it is another one, which has
    /// forgotten what it had: nothing is sent there.
    directory: Directory,
    lane: Lane,
}

impl Network {
    /// Makes clients for the members of a group.
    pub(crate) fn new(group: u64, endpoint: Option<Arc<Endpoint>>, gate: Option<Gate>) -> Network {
        Network {
            group,
            endpoint,
            gate,
            target: NodeId::NONE,
            directory: Directory::default(),
            lane: Lane::Data,
        }
    }

    fn link(&self, lane: Lane) -> Rpc<Arc<Link>> {
        let endpoint = self.endpoint.as_ref();
        let link =
            endpoint.and_then(|endpoint| endpoint.link_to(self.target, self.directory.0, lane));
        link.ok_or_else(|| unreachable(&LinkError::Down))
    }

    async fn ask(&self, lane: Lane, kind: Kind, body: Vec<Bytes>, within: Duration) -> Rpc<Bytes> {
        let link = self.link(lane)?;
        let asked = timeout(within, link.ask(kind, self.group, body)).await;
        let answer = asked.map_err(|_late| unreachable(&LinkError::Down))?;
        answer.map_err(|error| unreachable(&error))
    }
}

impl Network {
    async fn ask_for_vote(
        &self,
        kind: Kind,
        request: &VoteRequest<Types>,
        option: &RPCOption,
    ) -> Rpc<VoteResponse<Types>> {
        let body = vec![wire::encode_vote_request(request)];
        let answer = self
            .ask(Lane::Control, kind, body, option.soft_ttl())
            .await?;
        wire::decode_voted(answer).map_err(malformed)
    }
}

fn unreachable(error: &(impl std::error::Error + 'static)) -> RPCError<Types> {
    RPCError::Unreachable(Unreachable::new(&AnyError::new(error)))
}

fn malformed(error: wire::Malformed) -> RPCError<Types> {
    unreachable(&error)
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Network;

    async fn new_client(&mut self, target: Member, node: &Directory) -> Network {
        Network {
            target: NodeId(target.0),
            directory: *node,
            ..self.clone()
        }
    }

    async fn new_heartbeat_client(&mut self, target: Member, node: &Directory) -> Network {
        Network {
            lane: Lane::Control,
            ..self.new_client(target, node).await
        }
    }
}

/// The entry before a request's first, and its last.
type Ends = (Option<RaftLogId>, Option<RaftLogId>);

/// What the peer says of entries that were sent, once it does.
async fn appended(
    (prev, last): Ends,
    reply: Result<Reply, LinkError>,
) -> Rpc<StreamAppendResult<Types>> {
    let answer = match reply {
        Ok(reply) => timeout(SLOW, reply).await.unwrap_or(Err(LinkError::Down)),
        Err(error) => Err(error),
    };
    let answer = answer.map_err(|error| unreachable(&error))?;
    let response = wire::decode_appended(answer).map_err(malformed)?;
    Ok(response.into_stream_result(prev, last))
}

fn ends(request: &AppendEntriesRequest<Types>) -> Ends {
    let prev = request.prev_log_id;
    let last = request.entries.last().map(RaftEntry::log_id).or(prev);
    (prev, last)
}

impl RaftNetworkV2<Types> for Network {
    type SnapshotData = Boundary;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<Types>> {
        let body = wire::encode_append(request);
        let answer = self.ask(self.lane, Kind::Append, body, SLOW).await?;
        wire::decode_appended(answer).map_err(malformed)
    }

    /// Requests are sent one after the other without waiting for answers; the transport keeps
    /// their order. That there is no way to the peer is told by the first answer: openraft rests
    /// after a failure only when it makes a request, and would ask for a stream again at once.
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Rpc<BoxStream<'s, Rpc<StreamAppendResult<Types>>>>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let link = self.link(self.lane).ok();
        let (group, target) = (self.group, self.target);
        let gate = self.gate.clone();
        let sent = input.then(move |request| {
            let (link, gate) = (link.clone(), gate.clone());
            async move {
                let ends = ends(&request);
                let reply = match link {
                    Some(link) => {
                        let is_empty = request.entries.is_empty();
                        let body = wire::encode_append(request);
                        if let Some(gate) = gate.filter(|_| !is_empty) {
                            let bytes = body.iter().map(|part| part.len() as u64).sum();
                            gate.pass(&link, target, bytes).await;
                        }
                        link.send(Kind::Append, group, body).await
                    }
                    None => Err(LinkError::Down),
                };
                (ends, reply)
            }
        });
        let answers = sent
            .map(|(ends, reply)| appended(ends, reply))
            .buffered(WINDOW)
            .boxed();
        std::future::ready(Ok(answers)).boxed()
    }

    /// A peer that has not opened its replica yet, or is being restarted, is tried again soon.
    fn backoff(&self) -> Option<Backoff> {
        let rests = (0..).map(|tries: u32| REST * 2_u32.saturating_pow(tries.min(REST_DOUBLINGS)));
        Some(Backoff::new(rests))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<Types>> {
        self.ask_for_vote(Kind::Vote, &request, &option).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Rpc<VoteResponse<Types>> {
        self.ask_for_vote(Kind::PreVote, &request, &option).await
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: SnapshotOf<Types, Boundary>,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let body = wire::encode_snapshot(&vote, &snapshot.snapshot);
        let sending = self.ask(Lane::Data, Kind::Snapshot, body, SLOW);
        let answer = tokio::select! {
            closed = cancel => return Err(closed.into()),
            answer = sending => answer,
        };
        let response = answer.and_then(|answer| wire::decode_installed(answer).map_err(malformed));
        response
            .map_err(|error| StreamingError::Unreachable(Unreachable::new(&AnyError::new(&error))))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Rpc<TransferLeaderResponse<Types>> {
        let body = vec![wire::encode_transfer(&request)];
        let within = option.soft_ttl();
        let answer = self
            .ask(Lane::Control, Kind::Transfer, body, within)
            .await?;
        wire::decode_transferred(answer).map_err(malformed)
    }
}
