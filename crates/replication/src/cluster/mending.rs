//! What is damaged in one replica's log, others have: what is committed is the same bytes everywhere.

use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use ottla_platform::work::blocking;
use ottla_protocol::types::NodeId;
use ottla_storage::{CheckedFrame, Frame};
use tokio::time::timeout;

use super::members::ReplicaKey;
use super::supervisor::Cluster;
use crate::partition::Partition;
use crate::peers::{decode_frames, encode_frames};
use crate::transport::{Answer, Kind, Lane, Refusal};

/// Bytes of frames that are sent at once, unless the first alone is larger.
const BYTES_MAX: usize = 1 << 20;
/// How long a peer may take to read and send them.
const ANSWER_MAX: Duration = Duration::from_secs(2);

impl Cluster {
    /// What the others have committed in a group's log from an index on, as the first tells that has
    /// it; nothing if nobody who can be reached does. All others are asked if no replicas are named.
    pub(crate) async fn committed_frames(
        &self,
        group: u64,
        index: u64,
        replicas: &[ReplicaKey],
    ) -> Vec<CheckedFrame> {
        let others: Vec<NodeId> = match replicas.is_empty() {
            true => self.endpoint().peers().into_keys().collect(),
            false => replicas.iter().map(|replica| replica.node).collect(),
        };
        for node in others.into_iter().filter(|node| *node != self.me()) {
            let Some(link) = self.endpoint().link(node, Lane::Data) else {
                continue;
            };
            let body = vec![Bytes::copy_from_slice(&index.to_be_bytes())];
            let answer = timeout(ANSWER_MAX, link.ask(Kind::Frames, group, body)).await;
            let frames = match answer {
                Ok(Ok(answer)) => decode_frames(index, answer).unwrap_or_default(),
                Ok(Err(_)) | Err(_) => Vec::new(),
            };
            if !frames.is_empty() {
                return frames;
            }
        }
        Vec::new()
    }
}

/// What is committed in the log here, from the index that is asked for.
pub(super) fn answer(partition: Partition, body: &[u8]) -> Answer {
    let Ok(index) = body.try_into().map(u64::from_be_bytes) else {
        return std::future::ready(Err(Refusal::Malformed)).boxed();
    };
    let read = move || committed_from(&partition, index).ok_or(Refusal::Undecided);
    async move {
        let frames = blocking(read).await.map_err(|_| Refusal::Stopped)??;
        Ok(encode_frames(&frames))
    }
    .boxed()
}

/// Nothing if there is none, it cannot be read, or it is damaged here as well.
fn committed_from(partition: &Partition, index: u64) -> Option<Vec<Frame>> {
    let log = partition.log();
    let committed = log.read_committed()?;
    if index > committed.index {
        return None;
    }
    let frames = log.frames(index, committed.index + 1, BYTES_MAX).ok()?;
    let whole = frames.into_iter().map(|(_, frame)| frame);
    let whole: Vec<Frame> = whole.take_while(|it| it.verify_crc().is_ok()).collect();
    (!whole.is_empty()).then_some(whole)
}
