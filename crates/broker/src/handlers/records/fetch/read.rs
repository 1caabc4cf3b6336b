//! One round of reading for a fetch.
//!
//! Partitions are read in the session's order until the request's bytes are used up. The first batch
//! of the first partition that has one comes whatever its size, or a small limit would stop a
//! consumer for ever. What is wrong with a partition is its own affair: the others are read.
//!
//! Consumers that can be told of a replica nearer to them (KIP-392) read from followers too: what
//! those know to be committed, while they know a leader that is alive. Whoever waits for more at one
//! that nobody leads would wait in vain, and is sent to look for the leader.

use std::sync::Arc;

use ottla_metadata::image::{Image, Topic};
use ottla_protocol::messages::FetchRequest;
use ottla_protocol::{ErrorCode, NodeId, TopicId};
use ottla_replication::{Isolation, Partition, ReadData, Watermarks};
use ottla_storage::EpochEnd;

use super::super::placement::{check_epoch, compare_epochs, has_partition, isolation};
use super::nearest::Nearest;
use crate::authorize::{Operation, Resource};
use crate::context::{Broker, Call};
use crate::errors::read_error;
use crate::fetch_session::{PartitionRequest, Target, TopicKey};
use crate::leader::{self, Hints};
use crate::partitions::{Absence, Replica};

/// Versions that say who fetches in another field.
const FIRST_WITH_REPLICA_STATE: i16 = 15;
/// Versions that can be told who leads.
const FIRST_WITH_LEADERS: i16 = 16;
/// Versions that say where the consumer is, and may read from followers.
const FIRST_WITH_RACK: i16 = 11;

/// What a request allows.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    bytes_max: usize,
    bytes_min: usize,
    pub(super) isolation: Isolation,
    /// The request claims to come from a replica, which this broker's replicas never do.
    from_replica: bool,
    /// Whether a follower may answer.
    from_followers: bool,
}

impl Limits {
    pub(super) fn of(call: Call<'_>, request: &FetchRequest) -> Result<Limits, ErrorCode> {
        let version = call.version();
        let allowed = call.broker.config.fetch.response_bytes_max;
        let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(allowed);
        let replica_id = if version >= FIRST_WITH_REPLICA_STATE {
            request.replica_state.replica_id
        } else {
            request.replica_id
        };
        Ok(Limits {
            bytes_max,
            bytes_min: usize::try_from(request.min_bytes)
                .unwrap_or(0)
                .min(bytes_max),
            isolation: isolation(request.isolation_level)?,
            from_replica: replica_id.0 >= 0,
            from_followers: replica_id.0 < 0 && version >= FIRST_WITH_RACK,
        })
    }
}

/// A fetch with its partitions, ready to be read as often as it takes.
pub(super) struct Reading {
    pub(super) broker: Arc<Broker>,
    pub(super) limits: Limits,
    pub(super) wanted: Vec<Wanted>,
    /// The consumer says where it is, and that counts here.
    nearest: Option<Nearest>,
    /// For versions that have a place for them.
    pub(super) hints: Option<Hints>,
}

/// A partition that is wanted.
pub(super) struct Wanted {
    pub(super) target: Target,
    /// The topic that has the name now, unless the partition is refused before it is read.
    pub(super) topic: Result<TopicId, ErrorCode>,
}

/// What a round found of a partition.
pub(super) enum Found {
    Data {
        data: ReadData,
        /// It was read from the leader.
        is_leader: bool,
    },
    /// The consumer's log and this one part here.
    Diverging(EpochEnd, Watermarks),
    /// It is to be read from another replica.
    Elsewhere(NodeId, Watermarks),
    /// It cannot be read.
    Failed(ErrorCode),
    /// It is not read at all.
    Refused(ErrorCode),
}

/// What a round found, in the order of the partitions.
pub(super) struct Round {
    pub(super) found: Vec<Found>,
    bytes: usize,
    /// Something was found that must be told at once.
    is_urgent: bool,
}

impl Reading {
    pub(super) fn new(
        call: Call<'_>,
        image: &Image,
        targets: Vec<Target>,
        limits: Limits,
        nearest: Option<Nearest>,
    ) -> Self {
        let mut finder = Finder {
            call,
            image,
            limits,
            last: None,
        };
        let wanted = targets.into_iter().map(|target| Wanted {
            topic: finder.admit(&target),
            target,
        });
        let mut wanted: Vec<Wanted> = wanted.collect();
        // Refusals come last in a response, as in Kafka's.
        wanted.sort_by_key(|wanted| wanted.topic.is_err());
        Reading {
            broker: Arc::clone(call.broker),
            limits,
            wanted,
            nearest: nearest.filter(|_| limits.from_followers),
            hints: (call.version() >= FIRST_WITH_LEADERS).then(|| Hints::new(call)),
        }
    }

    /// The replicas to be watched.
    pub(super) fn partitions(&self) -> Vec<Partition> {
        let replicas = self.wanted.iter().filter_map(|wanted| {
            let topic_id = wanted.topic.ok()?;
            self.broker
                .partitions
                .find(topic_id, wanted.target.key.partition)
                .ok()
        });
        replicas.map(|replica| replica.partition).collect()
    }

    /// Whether a round is likely not to wait for the disk.
    pub(super) fn is_warm(&self) -> bool {
        self.wanted.iter().all(|wanted| {
            let key = &wanted.target.key;
            let topic_id = wanted.topic.ok();
            let replica = topic_id.and_then(|id| self.find(id, key.partition).ok());
            replica.is_none_or(|it| {
                let log = it.partition.log();
                log.is_warm(wanted.target.request.fetch_offset)
            })
        })
    }

    /// Reads all partitions once.
    pub(super) fn round(&self) -> Round {
        let mut round = Round {
            found: Vec::with_capacity(self.wanted.len()),
            bytes: 0,
            is_urgent: false,
        };
        for wanted in &self.wanted {
            let found = match wanted.topic {
                Err(code) => Found::Refused(code),
                Ok(topic_id) => {
                    let found = self.read(wanted, topic_id, round.bytes);
                    round.is_urgent |= !matches!(found, Found::Data { .. });
                    found
                }
            };
            if let Found::Data { data, .. } = &found {
                round.bytes += data.records.size_bytes;
            }
            round.found.push(found);
        }
        round
    }

    fn read(&self, wanted: &Wanted, topic_id: TopicId, bytes_before: usize) -> Found {
        self.try_read(wanted, topic_id, bytes_before)
            .unwrap_or_else(Found::Failed)
    }

    fn try_read(
        &self,
        wanted: &Wanted,
        topic_id: TopicId,
        bytes_before: usize,
    ) -> Result<Found, ErrorCode> {
        let Target { key, request, .. } = &wanted.target;
        if let TopicKey::Id(asked) = key.topic
            && asked != topic_id
        {
            return Err(ErrorCode::InconsistentTopicId);
        }
        let replica = self.find(topic_id, key.partition)?;
        let is_leader = replica.partition.serves();
        if is_leader {
            check_epoch(&replica, request.current_leader_epoch)?;
            self.check_fetcher(request.current_leader_epoch)?;
            if let Some(nearer) = self.nearer(topic_id, key.partition, &replica, request) {
                return Ok(Found::Elsewhere(nearer, replica.partition.watermarks()));
            }
        } else {
            self.check_follower(topic_id, key.partition, &replica, request)?;
        }
        if let Some(epoch) = request.last_fetched_epoch
            && let Some(diverging) = diverging(&replica, epoch, request.fetch_offset)?
        {
            return Ok(Found::Diverging(diverging, replica.partition.watermarks()));
        }
        let left = self.limits.bytes_max.saturating_sub(bytes_before);
        let bytes_max = usize::try_from(request.max_bytes).unwrap_or(0).min(left);
        let min_one = bytes_before == 0;
        let read = replica.partition.read(
            request.fetch_offset,
            bytes_max,
            min_one,
            self.limits.isolation,
        );
        let data = read.map_err(|error| read_error(&error))?;
        Ok(Found::Data { data, is_leader })
    }

    /// The replica that the consumer is to read from instead of this one, which leads.
    fn nearer(
        &self,
        topic_id: TopicId,
        partition: i32,
        replica: &Replica,
        request: &PartitionRequest,
    ) -> Option<NodeId> {
        let nearest = self.nearest.as_ref()?;
        let image = self.broker.images.current();
        let topic = image.topic_by_id(topic_id)?;
        let offset = request.fetch_offset;
        nearest.follower(&self.broker, topic, partition, replica, offset)
    }

    /// Whether a replica that does not lead may answer. It holds the consumer's epoch against the
    /// newest that it was told of, which may be ahead of its own.
    fn check_follower(
        &self,
        topic_id: TopicId,
        partition: i32,
        replica: &Replica,
        request: &PartitionRequest,
    ) -> Result<(), ErrorCode> {
        let image = self.broker.images.current();
        let topic = image.topic_by_id(topic_id);
        let leader = topic.and_then(|topic| leader::of(&self.broker, topic, partition));
        let own = replica.partition.leader_epoch();
        let current = leader.as_ref().map_or(own, |leader| leader.epoch.max(own));
        compare_epochs(current, request.current_leader_epoch)?;
        let is_led = leader.is_some_and(|leader| leader.node != self.broker.node_id);
        match self.limits.from_followers && is_led {
            true => Ok(()),
            false => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    fn find(&self, topic_id: TopicId, partition: i32) -> Result<Replica, ErrorCode> {
        self.broker
            .partitions
            .find(topic_id, partition)
            .map_err(|absence| match absence {
                Absence::NotHere => ErrorCode::NotLeaderOrFollower,
                Absence::Offline => ErrorCode::KafkaStorageError,
            })
    }

    /// No replica elsewhere is one of these partitions'.
    fn check_fetcher(&self, believed_epoch: Option<i32>) -> Result<(), ErrorCode> {
        match (self.limits.from_replica, believed_epoch) {
            (false, _) => Ok(()),
            (true, Some(_)) => Err(ErrorCode::UnknownLeaderEpoch),
            (true, None) => Err(ErrorCode::NotLeaderOrFollower),
        }
    }
}

impl Round {
    /// Whether this is worth telling before the time is over.
    pub(super) fn is_enough(&self, reading: &Reading) -> bool {
        self.is_urgent
            || self.bytes >= reading.limits.bytes_min
            || reading.wanted.iter().all(|wanted| wanted.topic.is_err())
    }
}

/// Finds the topics of partitions; those of neighbours once.
struct Finder<'a> {
    call: Call<'a>,
    image: &'a Image,
    limits: Limits,
    last: Option<(Arc<str>, Result<&'a Topic, ErrorCode>)>,
}

impl Finder<'_> {
    /// Says which topic to read for a partition, or why it is not read at all. These refusals do
    /// not hurry the answer of the others.
    fn admit(&mut self, target: &Target) -> Result<TopicId, ErrorCode> {
        let name = target.name.as_ref().ok_or(ErrorCode::UnknownTopicId)?;
        let topic = match &self.last {
            Some((last, topic)) if Arc::ptr_eq(last, name) => *topic,
            _ => {
                let topic = self.find(name);
                self.last = Some((Arc::clone(name), topic));
                topic
            }
        }?;
        if !has_partition(topic, target.key.partition) {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        Ok(topic.id)
    }
}

impl<'a> Finder<'a> {
    fn find(&self, name: &str) -> Result<&'a Topic, ErrorCode> {
        let allowed = if self.limits.from_replica {
            self.call.may(Operation::ClusterAction, Resource::Cluster)
        } else {
            self.call.may(Operation::Read, Resource::Topic(name))
        };
        if !allowed {
            return Err(ErrorCode::TopicAuthorizationFailed);
        }
        let topic = self
            .image
            .topic(name)
            .ok_or(ErrorCode::UnknownTopicOrPartition)?;
        Ok(topic)
    }
}

/// Where a consumer that last fetched in `epoch` must go back to, if its log is not a part of this.
fn diverging(
    replica: &Replica,
    epoch: i32,
    fetch_offset: i64,
) -> Result<Option<EpochEnd>, ErrorCode> {
    let end = replica.partition.epoch_end(epoch);
    if end.epoch < 0 || end.end_offset < 0 {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    if fetch_offset < replica.partition.watermarks().log_start_offset {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    Ok((end.epoch < epoch || end.end_offset < fetch_offset).then_some(end))
}
