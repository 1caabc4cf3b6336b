//! The fetch sessions of a broker: a bounded cache.
//!
//! A session may push another out when the cache is full: one that was not used for
//! [`EVICTABLE_AFTER_MS`], or else the smallest of those that have existed that long, if the new one
//! is larger. A request whose session is gone is told so and begins a new one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_protocol::{ErrorCode, TopicId};

use super::session::{PartitionKey, Session, Target, Told};

/// How long a session is safe after it was created, and after it was last used.
pub(super) const EVICTABLE_AFTER_MS: i64 = 120_000;

/// Session id of a request without a session, and of a response that grants none.
const NO_SESSION: i32 = 0;
/// Epoch of a request that asks for everything it names and for a new session.
const INITIAL_EPOCH: i32 = 0;
/// Epoch of a request that asks for everything it names and for no session.
const FINAL_EPOCH: i32 = -1;

/// The sessions of a broker.
pub struct FetchSessionCache {
    sessions_max: usize,
    sessions: BTreeMap<i32, Entry>,
    /// (last used, id) of all.
    by_use: BTreeSet<(i64, i32)>,
    /// (partitions, id) of those that have existed long enough to be pushed out.
    evictable: BTreeSet<(usize, i32)>,
    evictions: u64,
}

struct Entry {
    session: Session,
    uses_topic_ids: bool,
    created_ms: i64,
    last_used_ms: i64,
    /// The epoch that the next request must have.
    epoch: i32,
    /// Its size as it stands in `evictable`, if it does.
    evictable_size: Option<usize>,
}

/// A fetch request, as far as sessions go.
#[derive(Clone, Debug)]
pub struct SessionRequest {
    /// The session's id.
    pub session_id: i32,
    /// The request's place in the session.
    pub epoch: i32,
    /// Whether the request names topics by id.
    pub uses_topic_ids: bool,
    /// What it names, each partition once.
    pub wanted: Vec<Target>,
    /// What it no longer wants.
    pub forgotten: Vec<PartitionKey>,
}

/// How a request began.
pub struct Begun {
    /// To be handed to [`FetchSessionCache::finish`].
    pub context: Context,
    /// The partitions to read, in order.
    pub targets: Vec<Target>,
}

/// What a request is to the cache.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Context {
    /// Not to be answered but with this error.
    Refused(ErrorCode),
    /// One of a kind.
    Sessionless,
    /// The first of a session, if there is room for one.
    New {
        /// Whether its session will name topics by id.
        uses_topic_ids: bool,
    },
    /// The next of a session.
    Incremental {
        /// The session.
        session_id: i32,
        /// The epoch that the session has while this request is under way.
        epoch: i32,
    },
}

/// How a request ended.
#[derive(Debug, Eq, PartialEq)]
pub struct SessionReply {
    /// The error of the whole response.
    pub error: ErrorCode,
    /// The session id of the response.
    pub session_id: i32,
    /// For each partition whether it is in the response.
    pub kept: Vec<bool>,
}

impl FetchSessionCache {
    /// An empty cache with room for so many sessions.
    pub fn new(sessions_max: usize) -> Self {
        FetchSessionCache {
            sessions_max,
            sessions: BTreeMap::new(),
            by_use: BTreeSet::new(),
            evictable: BTreeSet::new(),
            evictions: 0,
        }
    }

    /// Sessions now.
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Partitions of all sessions now.
    pub fn partitions(&self) -> usize {
        self.sessions
            .values()
            .map(|entry| entry.session.len())
            .sum()
    }

    /// Sessions pushed out so far.
    pub fn evictions(&self) -> u64 {
        self.evictions
    }

    /// Says what to read for a request. `name_of` knows the topics that exist now.
    pub fn begin(
        &mut self,
        request: SessionRequest,
        now_ms: i64,
        name_of: impl Fn(TopicId) -> Option<Arc<str>>,
    ) -> Begun {
        if request.epoch == INITIAL_EPOCH || request.epoch == FINAL_EPOCH {
            if request.session_id != NO_SESSION {
                self.remove(request.session_id);
            }
            let context = if request.epoch == FINAL_EPOCH {
                Context::Sessionless
            } else {
                Context::New {
                    uses_topic_ids: request.uses_topic_ids,
                }
            };
            return Begun {
                context,
                targets: request.wanted,
            };
        }
        match self.resume(&request) {
            Err(error) => Begun {
                context: Context::Refused(error),
                targets: Vec::new(),
            },
            Ok(()) => self.advance(request, now_ms, name_of),
        }
    }

    fn resume(&self, request: &SessionRequest) -> Result<(), ErrorCode> {
        let Some(entry) = self.sessions.get(&request.session_id) else {
            return Err(ErrorCode::FetchSessionIdNotFound);
        };
        if entry.epoch != request.epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if entry.uses_topic_ids != request.uses_topic_ids {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        Ok(())
    }

    fn advance(
        &mut self,
        request: SessionRequest,
        now_ms: i64,
        name_of: impl Fn(TopicId) -> Option<Arc<str>>,
    ) -> Begun {
        let session_id = request.session_id;
        let entry = self
            .sessions
            .get_mut(&session_id)
            .expect("it was just found");
        for target in &request.wanted {
            entry.session.want(target.clone());
        }
        for key in &request.forgotten {
            entry.session.forget(key);
        }
        if entry.session.is_empty() {
            self.remove(session_id);
            return Begun {
                context: Context::Sessionless,
                targets: request.wanted,
            };
        }
        entry.epoch = next_epoch(entry.epoch);
        let epoch = entry.epoch;
        let targets = entry.session.targets(name_of);
        self.touch(session_id, now_ms);
        Begun {
            context: Context::Incremental { session_id, epoch },
            targets,
        }
    }

    /// Says what of a response to send. `told` is what it says, partition by partition, in any order;
    /// `fresh_id` gives random numbers for ids.
    pub fn finish(
        &mut self,
        context: Context,
        told: &[(Target, Told)],
        now_ms: i64,
        fresh_id: impl FnMut() -> i32,
    ) -> SessionReply {
        let all = |error, session_id| {
            let kept = vec![true; told.len()];
            SessionReply {
                error,
                session_id,
                kept,
            }
        };
        match context {
            Context::Refused(error) => SessionReply {
                error,
                session_id: NO_SESSION,
                kept: vec![false; told.len()],
            },
            Context::Sessionless => all(ErrorCode::None, NO_SESSION),
            Context::New { uses_topic_ids } => {
                let session_id = self.create(uses_topic_ids, told, now_ms, fresh_id);
                all(ErrorCode::None, session_id)
            }
            Context::Incremental { session_id, epoch } => {
                // A session pushed out meanwhile: its consumer hears of it next time.
                let Some(entry) = self.sessions.get_mut(&session_id) else {
                    return all(ErrorCode::None, session_id);
                };
                if entry.epoch != epoch {
                    let error = ErrorCode::InvalidFetchSessionEpoch;
                    return SessionReply {
                        error,
                        session_id,
                        kept: vec![false; told.len()],
                    };
                }
                let session = &mut entry.session;
                let kept = told
                    .iter()
                    .map(|(target, told)| session.tell(&target.key, *told))
                    .collect();
                SessionReply {
                    error: ErrorCode::None,
                    session_id,
                    kept,
                }
            }
        }
    }

    fn create(
        &mut self,
        uses_topic_ids: bool,
        told: &[(Target, Told)],
        now_ms: i64,
        mut fresh_id: impl FnMut() -> i32,
    ) -> i32 {
        if self.sessions.len() >= self.sessions_max && !self.make_room(told.len(), now_ms) {
            return NO_SESSION;
        }
        let mut session = Session::default();
        for (target, told) in told {
            session.want(target.clone());
            session.tell(
                &target.key,
                Told {
                    has_records: false,
                    ..*told
                },
            );
        }
        let session_id = loop {
            let id = fresh_id() & i32::MAX;
            if id != NO_SESSION && !self.sessions.contains_key(&id) {
                break id;
            }
        };
        let entry = Entry {
            session,
            uses_topic_ids,
            created_ms: now_ms,
            last_used_ms: now_ms,
            epoch: next_epoch(INITIAL_EPOCH),
            evictable_size: None,
        };
        self.sessions.insert(session_id, entry);
        self.touch(session_id, now_ms);
        session_id
    }

    fn make_room(&mut self, partitions: usize, now_ms: i64) -> bool {
        let Some(&(last_used_ms, longest_unused)) = self.by_use.first() else {
            return false;
        };
        let victim = if now_ms.saturating_sub(last_used_ms) > EVICTABLE_AFTER_MS {
            Some(longest_unused)
        } else {
            let smallest = self.evictable.first();
            smallest
                .filter(|&&(size, _)| size < partitions)
                .map(|&(_, id)| id)
        };
        let Some(victim) = victim else { return false };
        self.remove(victim);
        self.evictions += 1;
        true
    }

    fn touch(&mut self, session_id: i32, now_ms: i64) {
        let Some(entry) = self.sessions.get_mut(&session_id) else {
            return;
        };
        self.by_use.remove(&(entry.last_used_ms, session_id));
        entry.last_used_ms = now_ms;
        self.by_use.insert((now_ms, session_id));
        if let Some(size) = entry.evictable_size.take() {
            self.evictable.remove(&(size, session_id));
        }
        if now_ms.saturating_sub(entry.created_ms) > EVICTABLE_AFTER_MS {
            entry.evictable_size = Some(entry.session.len());
            self.evictable.insert((entry.session.len(), session_id));
        }
    }

    fn remove(&mut self, session_id: i32) {
        let Some(entry) = self.sessions.remove(&session_id) else {
            return;
        };
        self.by_use.remove(&(entry.last_used_ms, session_id));
        if let Some(size) = entry.evictable_size {
            self.evictable.remove(&(size, session_id));
        }
    }
}

fn next_epoch(epoch: i32) -> i32 {
    if epoch == i32::MAX { 1 } else { epoch + 1 }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
