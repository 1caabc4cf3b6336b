//! What acks=all promises: as many replicas as the topic asks for (`min.insync.replicas`) have the records.
//!
//! A commit says that a majority has them. Where the topic asks for more, the producer's answer waits for
//! the others too; consumers may read what is committed before that.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::image::Topic;
use ottla_protocol::ErrorCode;
use ottla_replication::Partition;
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::{Broker, Call};
use crate::leader;
use crate::partitions::Replica;

/// How often it is looked whether enough replicas keep up still.
const LOOK: Duration = Duration::from_millis(100);

/// More replicas than a majority, which are to have records before their producer is told.
pub(super) struct MoreReplicas {
    broker: Arc<Broker>,
    partition: Partition,
    topic: Topic,
    number: i32,
    wanted: usize,
}

/// Whether as many replicas keep up as the topic asks for, before anything is appended; those to wait
/// for after the commit, if a commit does not say it.
pub(super) fn check(
    call: Call<'_>,
    topic: &Topic,
    number: i32,
    replica: &Replica,
) -> Result<Option<MoreReplicas>, ErrorCode> {
    let placed = topic.partition(number);
    let replicas = placed.map_or(1, |it| it.wanted().count());
    let wanted = replica.settings.min_in_sync(replicas);
    // The leader itself keeps up.
    if wanted <= 1 {
        return Ok(None);
    }
    if in_sync(call.broker, topic, number) < wanted {
        return Err(ErrorCode::NotEnoughReplicas);
    }
    let majority = replicas / 2 + 1;
    Ok((wanted > majority).then(|| MoreReplicas {
        broker: Arc::clone(call.broker),
        partition: replica.partition.clone(),
        topic: topic.clone(),
        number,
        wanted,
    }))
}

fn in_sync(broker: &Broker, topic: &Topic, number: i32) -> usize {
    leader::of(broker, topic, number).map_or(0, |leader| leader.in_sync.len())
}

impl MoreReplicas {
    /// Waits until they have what is committed here, for as long as enough replicas keep up.
    pub(super) async fn wait(self, deadline: Instant) -> Result<(), ErrorCode> {
        let replicated = self.partition.replicated_to(self.wanted);
        tokio::pin!(replicated);
        let looking = async {
            loop {
                match timeout(LOOK, &mut replicated).await {
                    Ok(true) => return Ok(()),
                    Ok(false) => return Err(ErrorCode::NotLeaderOrFollower),
                    Err(_elapsed) => {}
                }
                if in_sync(&self.broker, &self.topic, self.number) < self.wanted {
                    return Err(ErrorCode::NotEnoughReplicasAfterAppend);
                }
            }
        };
        let waited = timeout_at(deadline, looking).await;
        waited.unwrap_or(Err(ErrorCode::RequestTimedOut))
    }
}
