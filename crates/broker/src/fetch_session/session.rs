//! One fetch session.
//!
//! Partitions keep an order: the order in which they were added, except that one that had records to
//! give goes to the end, so that under a small `max.bytes` each partition has its turn.

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_platform::seed::HashMap;
use ottla_protocol::TopicId;

/// A topic as a fetch names it: by id from version 13 on, by name before. A session uses one or the
/// other throughout.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum TopicKey {
    /// By id.
    Id(TopicId),
    /// By name.
    Name(Arc<str>),
}

/// A partition as a fetch names it.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PartitionKey {
    /// The topic.
    pub topic: TopicKey,
    /// The partition's number.
    pub partition: i32,
}

/// What a consumer wants of a partition.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PartitionRequest {
    /// Where to read from.
    pub fetch_offset: i64,
    /// At most so many bytes, unless the first batch is larger.
    pub max_bytes: i32,
    /// The leader epoch that the consumer believes in, if it says.
    pub current_leader_epoch: Option<i32>,
    /// The epoch of the last record it has, if it says.
    pub last_fetched_epoch: Option<i32>,
}

/// A partition to read for a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// As the session knows it.
    pub key: PartitionKey,
    /// The topic's name. Once known to a session it stays, so that a topic created anew under it is
    /// noticed; `None` is a topic id that has no topic.
    pub name: Option<Arc<str>>,
    /// What is wanted.
    pub request: PartitionRequest,
}

/// What a response says of a partition, as far as it decides whether it must be said again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Told {
    /// The high watermark.
    pub high_watermark: i64,
    /// The log start offset.
    pub log_start_offset: i64,
    /// Whether records come with it.
    pub has_records: bool,
    /// Whether it carries an error.
    pub has_error: bool,
    /// Whether it must be sent for another reason: a diverging epoch, another replica to read from.
    pub is_urgent: bool,
}

/// The partitions of one session.
#[derive(Debug, Default)]
pub(super) struct Session {
    order: BTreeMap<u64, Cached>,
    places: HashMap<PartitionKey, u64>,
    next_place: u64,
}

#[derive(Debug)]
struct Cached {
    target: Target,
    high_watermark: i64,
    log_start_offset: i64,
}

const NEVER_TOLD: i64 = -1;

impl Session {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds a partition, or takes over what is wanted of one that is there.
    pub(super) fn want(&mut self, target: Target) {
        if let Some(cached) = self.find(&target.key) {
            cached.target.request = target.request;
            return;
        }
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(target.key.clone(), place);
        let never = NEVER_TOLD;
        let cached = Cached {
            target,
            high_watermark: never,
            log_start_offset: never,
        };
        self.order.insert(place, cached);
    }

    pub(super) fn forget(&mut self, key: &PartitionKey) {
        if let Some(place) = self.places.remove(key) {
            self.order.remove(&place);
        }
    }

    /// All partitions in order; names that were unknown are looked up again.
    pub(super) fn targets(&mut self, name_of: impl Fn(TopicId) -> Option<Arc<str>>) -> Vec<Target> {
        let mut targets = Vec::with_capacity(self.order.len());
        for cached in self.order.values_mut() {
            if let (None, TopicKey::Id(id)) = (&cached.target.name, &cached.target.key.topic) {
                cached.target.name = name_of(*id);
            }
            targets.push(cached.target.clone());
        }
        targets
    }

    /// Whether a partition must be in the response; if so it counts as told.
    pub(super) fn tell(&mut self, key: &PartitionKey, told: Told) -> bool {
        let Some(cached) = self.find(key) else {
            return true;
        };
        let changed = cached.high_watermark != told.high_watermark
            || cached.log_start_offset != told.log_start_offset;
        // After an error nothing counts as told, so that its end is told too.
        cached.high_watermark = if told.has_error {
            NEVER_TOLD
        } else {
            told.high_watermark
        };
        cached.log_start_offset = told.log_start_offset;
        if told.has_records {
            self.move_to_end(key);
        }
        changed || told.has_records || told.has_error || told.is_urgent
    }

    fn find(&mut self, key: &PartitionKey) -> Option<&mut Cached> {
        let place = self.places.get(key)?;
        self.order.get_mut(place)
    }

    fn move_to_end(&mut self, key: &PartitionKey) {
        let Some(place) = self.places.get_mut(key) else {
            return;
        };
        if *place + 1 == self.next_place {
            return;
        }
        let cached = self.order.remove(place).expect("a place has a partition");
        *place = self.next_place;
        self.order.insert(self.next_place, cached);
        self.next_place += 1;
    }
}
