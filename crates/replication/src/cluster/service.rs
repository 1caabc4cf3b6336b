//! What is done with the requests of other brokers.

use std::sync::Arc;

use futures::FutureExt;
use ottla_protocol::types::NodeId;

use super::supervisor::Cluster;
use super::{beat, compacted, mending};
use crate::peers;
use crate::transport::{Answer, Call, Kind, Refusal, Remote, Service};

impl Service for Cluster {
    fn call(&self, from: &Remote, call: Call) -> Answer {
        match call.kind {
            Kind::Beat => ready(self.beat(from, call)),
            Kind::Metadata | Kind::Transactions => match &self.questions {
                Some(service) => service.call(from, call),
                None => ready(Err(Refusal::Unserved)),
            },
            Kind::HandOver => self.hand_over(call),
            Kind::Quota => {
                let answer = self.throttles.answer(&call.body);
                ready(answer.ok_or(Refusal::Malformed))
            }
            Kind::PreVote if self.has_leader(call.group, from.node) => {
                ready(Err(Refusal::Declined))
            }
            Kind::Frames => match self.registry.get(call.group) {
                Some(replica) => mending::answer(replica.partition, &call.body),
                None => ready(Err(Refusal::UnknownGroup)),
            },
            Kind::Compacted => match self.registry.get(call.group) {
                Some(replica) => compacted::answer(replica.partition, call.body),
                None => ready(Err(Refusal::UnknownGroup)),
            },
            Kind::Append | Kind::Vote | Kind::PreVote | Kind::Snapshot | Kind::Transfer => {
                let Some(replica) = self.registry.get(call.group) else {
                    return ready(Err(Refusal::UnknownGroup));
                };
                let answer = peers::answer(replica.partition, call.kind, call.body);
                answer.unwrap_or_else(|| ready(Err(Refusal::Unserved)))
            }
        }
    }
}

fn ready(answer: Result<bytes::Bytes, Refusal>) -> Answer {
    std::future::ready(answer).boxed()
}

impl Cluster {
    /// Has a group that is led here be led by another broker, if that one has all of its log.
    fn hand_over(&self, call: Call) -> Answer {
        let successor = <[u8; 4]>::try_from(&call.body[..]);
        let Ok(successor) = successor.map(|bytes| NodeId(i32::from_be_bytes(bytes))) else {
            return ready(Err(Refusal::Malformed));
        };
        let Some(replica) = self.registry.get(call.group) else {
            return ready(Err(Refusal::UnknownGroup));
        };
        if !replica.partition.is_leader() {
            return ready(Err(Refusal::Undecided));
        }
        let answer = async move {
            replica.partition.transfer_to(successor).await;
            Ok(bytes::Bytes::new())
        };
        answer.boxed()
    }

    /// Takes a peer's news, if it follows what is known of it; tells what is known then.
    fn beat(&self, from: &Remote, call: Call) -> Result<bytes::Bytes, Refusal> {
        let news = beat::decode(call.body, from.node).ok_or(Refusal::Malformed)?;
        let mut heard = self.heard.lock();
        let known = heard
            .get(&from.node)
            .filter(|(incarnation, _)| *incarnation == from.incarnation)
            .map_or(0, |(_, version)| *version);
        if news.after != 0 && news.after != known {
            return Ok(beat::encode_echo(known));
        }
        if news.after == 0 {
            let named = |group| news.changes.iter().any(|(named, _)| *named == group);
            self.leaders.retain(from.node, named);
        }
        for (group, leader) in news.changes {
            match leader {
                Some(leader) => self.leaders.claim(group, leader),
                None => self.leaders.resign(group, from.node),
            }
        }
        heard.insert(from.node, (from.incarnation, news.version));
        Ok(beat::encode_echo(news.version))
    }

    /// Whether there is no need for a new leader of a group: the one we know of is another than
    /// who asks, alive, and says that it leads.
    fn has_leader(&self, group: u64, candidate: NodeId) -> bool {
        let Some(replica) = self.registry.get(group) else {
            return false;
        };
        let epoch = replica.partition.leader_epoch();
        let leader = self.leader(group);
        leader.is_some_and(|leader| leader.node != candidate && leader.epoch >= epoch)
    }

    /// The leader of a group by its own word, if it is alive.
    pub fn leader(&self, group: u64) -> Option<super::Leader> {
        let leader = self.leaders.get(group)?;
        let alive = leader.node == self.me() || self.is_alive(leader.node);
        alive.then_some(leader)
    }

    /// The leaders of all groups.
    pub fn leaders(&self) -> &Arc<super::Leaders> {
        &self.leaders
    }
}
