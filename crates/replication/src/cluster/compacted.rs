//! Which tombstones nobody needs any more.
//!
//! A tombstone, or the marker of a transaction, takes back what stands before it. Where compaction removes it,
//! everybody who may still have that must have removed it before, or be sent it again without. So it goes only
//! below an offset up to which *all* replicas of the group are compacted. Only a leader whom all of them follow
//! can say so: it alone knows of newcomers, who are sent a log that is compacted up to there.
//!
//! Asked is for 4 bytes of the leader's epoch and 8 of the offset that holds already; answered 8 bytes, up to
//! where the log here is compacted.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::FutureExt;
use futures::future::join_all;
use ottla_platform::work::blocking;
use ottla_protocol::types::NodeId;
use tokio::time::timeout;

use super::supervisor::Cluster;
use crate::codec::decode_membership;
use crate::partition::Partition;
use crate::transport::{Answer, Kind, Lane, Refusal};
use crate::types::Member;

/// How long a peer may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(2);

impl Cluster {
    /// Up to where all replicas of a group that is led here are compacted, this one up to `own`; nothing if
    /// one of them does not say.
    pub(crate) async fn compacted_by_all(&self, partition: &Partition, own: i64) -> Option<i64> {
        let log = partition.log();
        let epoch = partition.leader_epoch();
        let (_, members) = log.last_membership(u64::MAX)?;
        let membership = decode_membership(&members).ok()?;
        let mut body = BytesMut::new();
        body.put_i32(epoch);
        body.put_i64(partition.shared.compacted_by_all());
        let body = body.freeze();
        let group = log.identity().group_id;
        let others = membership.nodes().map(|(Member(node), _)| NodeId(*node));
        let others = others.filter(|node| *node != self.me());
        let asked = others.map(|node| {
            let body = body.clone();
            async move {
                let link = self.endpoint().link(node, Lane::Data)?;
                let asked = timeout(ANSWER_MAX, link.ask(Kind::Compacted, group, vec![body]));
                let mut answer = asked.await.ok()?.ok()?;
                answer.try_get_i64().ok()
            }
        });
        let answers: Option<Vec<i64>> = join_all(asked).await.into_iter().collect();
        let least = answers?.into_iter().fold(own, i64::min);
        (partition.serves() && partition.leader_epoch() == epoch).then_some(least)
    }
}

/// Up to where the log here is compacted, for a leader whom it follows.
pub(super) fn answer(partition: Partition, mut body: Bytes) -> Answer {
    let (Ok(epoch), Ok(settled)) = (body.try_get_i32(), body.try_get_i64()) else {
        return std::future::ready(Err(Refusal::Malformed)).boxed();
    };
    async move {
        if partition.leader_epoch() != epoch {
            return Err(Refusal::Undecided);
        }
        partition.shared.note_compacted_by_all(settled);
        let log = partition.log().clone();
        let compacted_to = blocking(move || log.compacted_to()).await;
        let compacted_to = compacted_to.and_then(|read| read);
        let compacted_to = compacted_to.map_err(|_| Refusal::Stopped)?;
        match partition.leader_epoch() == epoch {
            true => Ok(Bytes::copy_from_slice(&compacted_to.to_be_bytes())),
            false => Err(Refusal::Undecided),
        }
    }
    .boxed()
}
