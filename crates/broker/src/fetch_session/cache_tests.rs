//! Tests of the fetch session cache: its rules one by one, and all together against random requests.

use proptest::prelude::*;

use super::*;
use crate::fetch_session::{PartitionRequest, TopicKey};

fn key(partition: i32) -> PartitionKey {
    PartitionKey {
        topic: TopicKey::Name("t".into()),
        partition,
    }
}

fn target(partition: i32) -> Target {
    target_at(partition, 0)
}

fn target_at(partition: i32, fetch_offset: i64) -> Target {
    let request = PartitionRequest {
        fetch_offset,
        max_bytes: 1,
        current_leader_epoch: None,
        last_fetched_epoch: None,
    };
    Target {
        key: key(partition),
        name: Some("t".into()),
        request,
    }
}

const QUIET: Told = Told {
    high_watermark: 5,
    log_start_offset: 0,
    has_records: false,
    has_error: false,
    is_urgent: false,
};

/// A cache with a clock and its own source of ids.
struct Rig {
    cache: FetchSessionCache,
    now_ms: i64,
    next_id: i32,
}

impl Rig {
    fn new(sessions_max: usize) -> Rig {
        Rig {
            cache: FetchSessionCache::new(sessions_max),
            now_ms: 0,
            next_id: 1,
        }
    }

    fn begin(
        &mut self,
        session_id: i32,
        epoch: i32,
        partitions: &[i32],
        forgotten: &[i32],
    ) -> Begun {
        let request = SessionRequest {
            session_id,
            epoch,
            uses_topic_ids: false,
            wanted: partitions
                .iter()
                .map(|&partition| target(partition))
                .collect(),
            forgotten: forgotten.iter().map(|&partition| key(partition)).collect(),
        };
        self.cache.begin(request, self.now_ms, |_| None)
    }

    fn finish(&mut self, begun: Begun, told: impl Fn(i32) -> Told) -> SessionReply {
        let told: Vec<_> = begun
            .targets
            .into_iter()
            .map(|target| {
                let partition = target.key.partition;
                (target, told(partition))
            })
            .collect();
        let next_id = &mut self.next_id;
        self.cache.finish(begun.context, &told, self.now_ms, || {
            *next_id += 1;
            *next_id
        })
    }

    /// A session with these partitions; its id.
    fn open(&mut self, partitions: &[i32]) -> i32 {
        let begun = self.begin(0, 0, partitions, &[]);
        self.finish(begun, |_| QUIET).session_id
    }
}

fn partitions(begun: &Begun) -> Vec<i32> {
    begun
        .targets
        .iter()
        .map(|target| target.key.partition)
        .collect()
}

#[test]
fn a_session_remembers_what_was_asked_and_tells_only_what_changed() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0, 1, 2]);
    assert_ne!(id, 0);
    let begun = rig.begin(id, 1, &[], &[]);
    assert_eq!(partitions(&begun), [0, 1, 2]);
    let moved = Told {
        high_watermark: 6,
        ..QUIET
    };
    let reply = rig.finish(
        begun,
        |partition| if partition == 1 { moved } else { QUIET },
    );
    assert_eq!(reply.kept, [false, true, false]);
    assert_eq!((reply.error, reply.session_id), (ErrorCode::None, id));
}

#[test]
fn partitions_are_added_changed_and_forgotten() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0, 1]);
    let request = SessionRequest {
        session_id: id,
        epoch: 1,
        uses_topic_ids: false,
        wanted: vec![target_at(1, 77), target(5)],
        forgotten: vec![key(0), key(9)],
    };
    let begun = rig.cache.begin(request, 0, |_| None);
    assert_eq!(partitions(&begun), [1, 5]);
    assert_eq!(begun.targets[0].request.fetch_offset, 77);
}

#[test]
fn a_partition_that_had_records_goes_to_the_end() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0, 1, 2]);
    let begun = rig.begin(id, 1, &[], &[]);
    let records = Told {
        has_records: true,
        ..QUIET
    };
    rig.finish(
        begun,
        |partition| if partition == 0 { records } else { QUIET },
    );
    let begun = rig.begin(id, 2, &[], &[]);
    assert_eq!(partitions(&begun), [1, 2, 0]);
}

#[test]
fn the_end_of_an_error_is_told_even_if_nothing_else_changed() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0]);
    let failed = Told {
        has_error: true,
        ..QUIET
    };
    for (epoch, told, kept) in [
        (1, failed, true),
        (2, failed, true),
        (3, QUIET, true),
        (4, QUIET, false),
    ] {
        let begun = rig.begin(id, epoch, &[], &[]);
        assert_eq!(rig.finish(begun, |_| told).kept, [kept], "epoch {epoch}");
    }
}

#[test]
fn wrong_session_epoch_or_kind_is_refused() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0]);
    let refused = |context, error| assert_eq!(context, Context::Refused(error));
    refused(
        rig.begin(id + 1, 1, &[], &[]).context,
        ErrorCode::FetchSessionIdNotFound,
    );
    refused(
        rig.begin(id, 2, &[], &[]).context,
        ErrorCode::InvalidFetchSessionEpoch,
    );
    let by_id = SessionRequest {
        session_id: id,
        epoch: 1,
        uses_topic_ids: true,
        wanted: Vec::new(),
        forgotten: Vec::new(),
    };
    refused(
        rig.cache.begin(by_id, 0, |_| None).context,
        ErrorCode::FetchSessionTopicIdError,
    );
    let begun = rig.begin(id, 9, &[0], &[]);
    let reply = rig.finish(begun, |_| QUIET);
    assert_eq!(
        (reply.error, reply.session_id),
        (ErrorCode::InvalidFetchSessionEpoch, 0)
    );
}

#[test]
fn a_request_overtaken_by_another_of_its_session_is_refused_at_its_end() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0]);
    let slow = rig.begin(id, 1, &[], &[]);
    let _quick = rig.begin(id, 2, &[], &[]);
    let reply = rig.finish(slow, |_| QUIET);
    assert_eq!(
        (reply.error, reply.session_id),
        (ErrorCode::InvalidFetchSessionEpoch, id)
    );
    assert_eq!(reply.kept, [false]);
}

#[test]
fn a_full_request_closes_the_session_it_names() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0]);
    let begun = rig.begin(id, FINAL_EPOCH, &[0], &[]);
    assert_eq!(begun.context, Context::Sessionless);
    assert_eq!(rig.cache.sessions(), 0);
    assert_eq!(rig.finish(begun, |_| QUIET).session_id, 0);
}

#[test]
fn a_session_without_partitions_ends() {
    let mut rig = Rig::new(10);
    let id = rig.open(&[0, 1]);
    let begun = rig.begin(id, 1, &[], &[0, 1]);
    assert_eq!(begun.context, Context::Sessionless);
    assert_eq!(rig.cache.sessions(), 0);
}

#[test]
fn a_name_once_known_to_a_session_stays() {
    let mut rig = Rig::new(10);
    let topic = TopicId(uuid::Uuid::from_u128(7));
    let unknown = Target {
        key: PartitionKey {
            topic: TopicKey::Id(topic),
            partition: 0,
        },
        name: None,
        ..target(0)
    };
    let request = |epoch, session_id, wanted| SessionRequest {
        session_id,
        epoch,
        uses_topic_ids: true,
        wanted,
        forgotten: Vec::new(),
    };
    let begun = rig.cache.begin(request(0, 0, vec![unknown]), 0, |_| None);
    let id = rig.finish(begun, |_| QUIET).session_id;
    let begun = rig
        .cache
        .begin(request(1, id, Vec::new()), 0, |_| Some("found".into()));
    assert_eq!(begun.targets[0].name.as_deref(), Some("found"));
    let begun = rig.cache.begin(request(2, id, Vec::new()), 0, |_| None);
    assert_eq!(begun.targets[0].name.as_deref(), Some("found"));
}

#[test]
fn a_full_cache_grants_no_session_until_one_is_old() {
    let mut rig = Rig::new(2);
    let small = rig.open(&[0]);
    let large = rig.open(&[0, 1]);
    assert_eq!(rig.open(&[0, 1, 2]), 0);
    // Both have existed long enough and are in use: the smallest goes, but only for a larger one.
    rig.now_ms = EVICTABLE_AFTER_MS + 1;
    rig.begin(small, 1, &[], &[]);
    rig.begin(large, 1, &[], &[]);
    assert_eq!(rig.open(&[0]), 0);
    assert_ne!(rig.open(&[0, 1]), 0);
    assert_eq!(
        rig.begin(small, 2, &[], &[]).context,
        Context::Refused(ErrorCode::FetchSessionIdNotFound)
    );
    assert_eq!(rig.cache.evictions(), 1);
    // Not used for long: whatever its size.
    rig.now_ms += EVICTABLE_AFTER_MS + 1;
    assert_ne!(rig.open(&[0]), 0);
    assert_eq!(
        rig.begin(large, 2, &[], &[]).context,
        Context::Refused(ErrorCode::FetchSessionIdNotFound)
    );
}

#[test]
fn a_cache_without_room_serves_without_sessions() {
    let mut rig = Rig::new(0);
    assert_eq!(rig.open(&[0]), 0);
}

#[test]
fn epochs_go_round_without_the_reserved_ones() {
    assert_eq!(next_epoch(0), 1);
    assert_eq!(next_epoch(i32::MAX), 1);
}

#[derive(Clone, Debug)]
enum Move {
    Open(Vec<i32>),
    Fetch {
        session: usize,
        add: Vec<i32>,
        forget: Vec<i32>,
        high_watermark: i64,
    },
    Close {
        session: usize,
    },
    Wait(i64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let some =
        || prop::collection::btree_set(0..8i32, 0..5).prop_map(|set| set.into_iter().collect());
    let one = prop_oneof![
        some().prop_map(Move::Open),
        (0..6usize, some(), some(), 0..3i64).prop_map(|(session, add, forget, high_watermark)| {
            Move::Fetch {
                session,
                add,
                forget,
                high_watermark,
            }
        }),
        (0..6usize).prop_map(|session| Move::Close { session }),
        (0..EVICTABLE_AFTER_MS).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 0..60)
}

/// What a consumer of a session knows.
#[derive(Default)]
struct Consumer {
    id: i32,
    epoch: i32,
    known: BTreeMap<i32, i64>,
}

proptest! {
    #[test]
    fn consumers_always_know_what_the_broker_last_said(moves in moves()) {
        let mut rig = Rig::new(3);
        let mut consumers: Vec<Consumer> = Vec::new();
        for step in moves {
            match step {
                Move::Wait(ms) => rig.now_ms += ms,
                Move::Open(partitions) => {
                    let id = rig.open(&partitions);
                    let known = partitions.iter().map(|&partition| (partition, 5)).collect();
                    consumers.push(Consumer { id, epoch: 1, known });
                }
                Move::Close { session } => {
                    if let Some(consumer) = consumers.get(session) {
                        rig.begin(consumer.id, FINAL_EPOCH, &[], &[]);
                    }
                }
                Move::Fetch { session, add, forget, high_watermark } => {
                    let Some(consumer) = consumers.get_mut(session) else { continue };
                    let begun = rig.begin(consumer.id, consumer.epoch, &add, &forget);
                    if !matches!(begun.context, Context::Incremental { .. }) {
                        consumers.remove(session);
                        continue;
                    }
                    consumer.epoch = next_epoch(consumer.epoch);
                    let asked = partitions(&begun);
                    let reply = rig.finish(begun, |_| Told { high_watermark, ..QUIET });
                    prop_assert_eq!(reply.error, ErrorCode::None);
                    for (partition, kept) in asked.iter().zip(reply.kept) {
                        if kept {
                            consumer.known.insert(*partition, high_watermark);
                        }
                        prop_assert_eq!(consumer.known.get(partition), Some(&high_watermark));
                    }
                    for partition in forget {
                        prop_assert!(!asked.contains(&partition));
                    }
                }
            }
            prop_assert!(rig.cache.sessions() <= 3);
            prop_assert_eq!(rig.cache.by_use.len(), rig.cache.sessions());
            prop_assert!(rig.cache.evictable.len() <= rig.cache.sessions());
        }
    }
}
