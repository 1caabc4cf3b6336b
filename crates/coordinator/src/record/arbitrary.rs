//! Any record, for tests of the codec.

use bytes::Bytes;
use ottla_protocol::types::TopicId;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

/// Any record that the machine may write.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (key(), option::of(offset())).prop_map(|(key, value)| Record::OffsetCommit { key, value }),
        (text(), option::of(group()))
            .prop_map(|(group_id, value)| Record::GroupMetadata { group_id, value }),
    ]
}

fn key() -> impl Strategy<Value = OffsetCommitKey> {
    (text(), text(), any::<i32>()).prop_map(|(group_id, topic, partition)| OffsetCommitKey {
        group_id,
        topic,
        partition,
    })
}

fn offset() -> impl Strategy<Value = OffsetCommitValue> {
    let place = (any::<i64>(), any::<i32>(), text(), any::<i64>());
    (place, option::of(0i64..), any::<u128>()).prop_map(|(place, expire_timestamp_ms, id)| {
        let kept = expire_timestamp_ms.is_none();
        OffsetCommitValue {
            offset: place.0,
            leader_epoch: if kept { place.1 } else { -1 },
            metadata: place.2,
            commit_timestamp_ms: place.3,
            expire_timestamp_ms,
            topic_id: TopicId(Uuid::from_u128(if kept { id } else { 0 })),
        }
    })
}

fn group() -> impl Strategy<Value = GroupMetadataValue> {
    let names = (text(), option::of(text()), option::of(text()));
    (names, any::<i32>(), any::<i64>(), vec(member(), 0..4)).prop_map(
        |(names, generation, current_state_timestamp_ms, members)| GroupMetadataValue {
            protocol_type: names.0,
            generation,
            protocol: names.1,
            leader: names.2,
            current_state_timestamp_ms,
            members,
        },
    )
}

fn member() -> impl Strategy<Value = MemberMetadata> {
    let names = (text(), option::of(text()), text(), text());
    let timeouts = (any::<i32>(), any::<i32>());
    (names, timeouts, bytes(), bytes()).prop_map(|(names, timeouts, subscription, assignment)| {
        MemberMetadata {
            member_id: names.0,
            instance_id: names.1,
            client_id: names.2,
            client_host: names.3,
            rebalance_timeout_ms: timeouts.0,
            session_timeout_ms: timeouts.1,
            subscription,
            assignment,
        }
    })
}
