//! What openraft calls to reach a peer of a group.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, Stream, StreamExt, stream};
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
use tokio::time::{Instant, timeout, timeout_at};

use super::wire;
use crate::heard::Heard;
use crate::shared::Shared;
use crate::throttle::Gate;
use crate::transport::{Endpoint, Kind, Lane, Link, LinkError, Reply};
use crate::types::{Directory, Member, RaftLogId, Types, Vote};

/// Requests with entries that are under way to one follower of one group.
const WINDOW: usize = 16;
/// How long entries and snapshots may take to be written and synced by a peer that is alive. One
/// that is not is noticed much earlier, and its links are broken.
const SLOW: Duration = Duration::from_secs(30);

/// How long a follower may not know that what it has is committed, if nothing else is to be said to it.
const COMMIT_WAITS: Duration = Duration::from_millis(5);

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
    heard: Arc<Heard>,
    target: NodeId,
    /// Where the group knows its replica to be. On another disk it is another one, which has
    /// forgotten what it had: nothing is sent there.
    directory: Directory,
    lane: Lane,
}

impl Network {
    /// Makes clients for the members of a group.
    pub(crate) fn new(
        shared: &Shared,
        endpoint: Option<Arc<Endpoint>>,
        gate: Option<Gate>,
    ) -> Network {
        Network {
            group: shared.log.identity().group_id,
            endpoint,
            gate,
            heard: Arc::clone(&shared.heard),
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
    /// To be noted before the request goes anywhere.
    fn sent(&self, request: &AppendEntriesRequest<Types>) -> Sent {
        let prev = request.prev_log_id;
        Sent {
            target: Member(self.target.0),
            term: request.vote.leader_id.term.0,
            at: Instant::now(),
            prev,
            last: request.entries.last().map(RaftEntry::log_id).or(prev),
            heard: Arc::clone(&self.heard),
        }
    }

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

/// What is kept of entries that were sent, until the peer has answered.
struct Sent {
    target: Member,
    term: i32,
    at: Instant,
    /// The entry before the first, and the last.
    prev: Option<RaftLogId>,
    last: Option<RaftLogId>,
    heard: Arc<Heard>,
}

impl Sent {
    /// The peer's answer, once it comes.
    async fn answer(self, reply: Result<Reply, LinkError>) -> Rpc<StreamAppendResult<Types>> {
        let answer = match reply {
            Ok(reply) => timeout(SLOW, reply).await.unwrap_or(Err(LinkError::Down)),
            Err(error) => Err(error),
        };
        let answer = answer.map_err(|error| unreachable(&error))?;
        let response = self.accepted(answer)?;
        Ok(response.into_stream_result(self.prev, self.last))
    }

    /// Reads the answer. Whoever does not refuse the leader accepts it.
    fn accepted(&self, answer: Bytes) -> Rpc<AppendEntriesResponse<Types>> {
        let response = wire::decode_appended(answer).map_err(malformed)?;
        if !matches!(response, AppendEntriesResponse::HigherVote(_)) {
            self.heard.tell(self.target, self.term, self.at);
        }
        Ok(response)
    }
}

/// Lets a request that only tells of a commit wait for entries, which tell it as well. The first of a stream
/// finds out what the peer has, and does not wait.
fn unhurried<S>(input: S) -> impl Stream<Item = AppendEntriesRequest<Types>> + Send
where
    S: Stream<Item = AppendEntriesRequest<Types>> + Unpin + Send,
{
    stream::unfold((input.fuse(), true), async |(mut input, is_first)| {
        let mut request = input.next().await?;
        let deadline = Instant::now() + COMMIT_WAITS;
        while request.entries.is_empty() && !is_first {
            match timeout_at(deadline, input.next()).await {
                Ok(Some(newer)) => request = newer,
                Ok(None) | Err(_) => break,
            }
        }
        Some((request, (input, false)))
    })
}

impl RaftNetworkV2<Types> for Network {
    type SnapshotData = Boundary;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        _option: RPCOption,
    ) -> Rpc<AppendEntriesResponse<Types>> {
        let sent = self.sent(&request);
        let body = wire::encode_append(request);
        let answer = self.ask(self.lane, Kind::Append, body, SLOW).await?;
        sent.accepted(answer)
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
        let (gate, network) = (self.gate.clone(), self.clone());
        let sent = unhurried(input).then(move |request| {
            let (link, gate) = (link.clone(), gate.clone());
            let sent = network.sent(&request);
            async move {
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
                (sent, reply)
            }
        });
        let answers = sent
            .map(|(sent, reply)| sent.answer(reply))
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use openraft::vote::RaftVote as _;
    use ottla_storage::LogId;
    use tokio::sync::mpsc;

    use super::*;
    use crate::entry::{Entry, Payload};
    use crate::types::{LeaderId, Term, raft_id};

    const TERM: i32 = 9;

    /// With entries of these indexes, or the news of a commit.
    fn request(indexes: std::ops::Range<u64>) -> AppendEntriesRequest<Types> {
        let id = |index| raft_id(LogId { term: TERM, index });
        let leader = LeaderId {
            term: Term(TERM),
            voted_for: Member(1),
        };
        let entries = indexes.clone();
        AppendEntriesRequest {
            vote: Vote::from_leader_id(leader, true),
            prev_log_id: Some(id(indexes.start - 1)),
            entries: entries
                .map(|index| Entry::new(id(index), Payload::Blank))
                .collect(),
            leader_commit: Some(id(indexes.start - 1)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_commit_waits_a_little_for_entries_that_tell_it_as_well() {
        let (send, input) = mpsc::unbounded_channel();
        let requests = stream::unfold(input, async |mut input: mpsc::UnboundedReceiver<_>| {
            Some((input.recv().await?, input))
        });
        let mut sent = Box::pin(unhurried(Box::pin(requests)));
        let begun = Instant::now();
        // What the peer has is to be known at once.
        send.send(request(5..5)).unwrap();
        assert!(sent.next().await.unwrap().entries.is_empty());
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // Entries never wait, and take the place of what waits.
        send.send(request(6..6)).unwrap();
        send.send(request(6..8)).unwrap();
        assert_eq!(sent.next().await.unwrap().entries.len(), 2);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        // Of several commits the newest goes, after a while.
        send.send(request(8..8)).unwrap();
        send.send(request(9..9)).unwrap();
        let newest = sent.next().await.unwrap();
        assert_eq!(newest.prev_log_id, request(9..9).prev_log_id);
        assert_eq!(begun.elapsed(), COMMIT_WAITS);
        // At the end nothing is kept back.
        send.send(request(10..10)).unwrap();
        drop(send);
        assert!(sent.next().await.is_some());
        assert!(sent.next().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_counts_from_when_its_request_was_sent() {
        let heard = Arc::new(Heard::default());
        let sent = |target, at| Sent {
            target: Member(target),
            term: TERM,
            at,
            prev: None,
            last: None,
            heard: Arc::clone(&heard),
        };
        let voters = [BTreeSet::from([1, 2, 3].map(Member))];
        let since = || heard.by_majorities(TERM, Member(1), &voters);
        let (old, new) = (Instant::now(), Instant::now() + Duration::from_secs(1));
        let refusal = AppendEntriesResponse::HigherVote(request(1..1).vote);
        sent(2, new)
            .accepted(wire::encode_appended(&refusal))
            .unwrap();
        assert_eq!(since(), None);
        let accepted = wire::encode_appended(&AppendEntriesResponse::Success);
        sent(2, old).accepted(accepted.clone()).unwrap();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(since(), Some(old));
        sent(2, new).accepted(accepted).unwrap();
        assert_eq!(since(), Some(new));
    }
}
