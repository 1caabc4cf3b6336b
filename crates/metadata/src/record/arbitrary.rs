//! Any record, for tests of the codec and of what folds records.

use ottla_protocol::types::{NodeId, TopicId};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::image::Partition;

pub(crate) fn uuid() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn topic_id() -> impl Strategy<Value = TopicId> {
    uuid().prop_map(TopicId)
}

fn node() -> impl Strategy<Value = NodeId> {
    any::<i32>().prop_map(NodeId)
}

fn vote() -> impl Strategy<Value = Vote> {
    prop_oneof![Just(Vote::AsNeeded), Just(Vote::Always), Just(Vote::Never)]
}

fn text() -> impl Strategy<Value = String> {
    "\\PC{0,12}"
}

/// Any record of any type.
pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        (option::of(text()), option::of(any::<u64>())).prop_map(|(cluster_id, next_group_id)| {
            Record::Cluster(ClusterRecord {
                cluster_id,
                next_group_id,
            })
        }),
        (text(), any::<i16>())
            .prop_map(|(name, level)| { Record::FeatureLevel(FeatureLevelRecord { name, level }) }),
        register_broker().prop_map(Record::RegisterBroker),
        broker_change().prop_map(Record::BrokerRegistrationChange),
        (node(), any::<i64>()).prop_map(|(broker_id, broker_epoch)| {
            Record::UnregisterBroker(UnregisterBrokerRecord {
                broker_id,
                broker_epoch,
            })
        }),
        (text(), topic_id())
            .prop_map(|(name, topic_id)| Record::Topic(TopicRecord { name, topic_id })),
        partition().prop_map(Record::Partition),
        config().prop_map(Record::Config),
        topic_id().prop_map(|topic_id| Record::RemoveTopic(RemoveTopicRecord { topic_id })),
        (node(), any::<i64>(), any::<i64>()).prop_map(|(broker_id, broker_epoch, next)| {
            let next_producer_id = next;
            Record::ProducerIds(ProducerIdsRecord {
                broker_id,
                broker_epoch,
                next_producer_id,
            })
        }),
    ]
}

fn register_broker() -> impl Strategy<Value = RegisterBrokerRecord> {
    let endpoint = (text(), text(), any::<u16>(), any::<i16>());
    let endpoint = endpoint.prop_map(|(name, host, port, security_protocol)| BrokerEndpoint {
        name,
        host,
        port,
        security_protocol,
    });
    let feature = (text(), any::<i16>(), any::<i16>());
    let feature = feature.prop_map(|(name, min, max)| FeatureRange { name, min, max });
    let ids = (node(), uuid(), any::<i64>());
    let lists = (vec(endpoint, 0..4), vec(feature, 0..4), vec(uuid(), 0..4));
    let starts = 0..=i64::MAX.unsigned_abs();
    let rest = (
        option::of(text()),
        any::<bool>(),
        any::<bool>(),
        vote(),
        starts,
    );
    (ids, lists, rest).prop_map(|(ids, (endpoints, features, log_dirs), rest)| {
        RegisterBrokerRecord {
            broker_id: ids.0,
            incarnation_id: ids.1,
            broker_epoch: ids.2,
            endpoints,
            features,
            rack: rest.0,
            fenced: rest.1,
            in_controlled_shutdown: rest.2,
            log_dirs,
            vote: rest.3,
            starts: rest.4,
        }
    })
}

fn broker_change() -> impl Strategy<Value = BrokerRegistrationChangeRecord> {
    let changes = (
        any::<Option<bool>>(),
        any::<Option<bool>>(),
        option::of(vec(uuid(), 0..4)),
        option::of(vote()),
    );
    (node(), any::<i64>(), changes).prop_map(|(broker_id, broker_epoch, changes)| {
        BrokerRegistrationChangeRecord {
            broker_id,
            broker_epoch,
            fenced: changes.0,
            in_controlled_shutdown: changes.1,
            log_dirs: changes.2,
            vote: changes.3,
        }
    })
}

fn partition() -> impl Strategy<Value = PartitionRecord> {
    let place = (any::<i32>(), topic_id());
    (place, state()).prop_map(|((partition, topic_id), state)| PartitionRecord {
        partition,
        topic_id,
        state,
    })
}

fn state() -> impl Strategy<Value = Partition> {
    let seats = || vec((node(), uuid()), 0..5);
    let moving = (vec(node(), 0..3), vec(node(), 0..3), vec(node(), 0..3));
    let founders = option::of(seats());
    let numbers = (any::<u64>(), any::<bool>());
    (seats(), numbers, founders, moving).prop_map(|(on, (group_id, grows), founders, moving)| {
        let (replicas, directories) = on.into_iter().unzip();
        let created = Partition::created(replicas, directories, group_id);
        let (adding, removing, emptied) = moving;
        Partition {
            founders: founders.unwrap_or_else(|| created.founders.clone()),
            adding,
            removing,
            emptied,
            grows,
            ..created
        }
    })
}

fn config() -> impl Strategy<Value = ConfigRecord> {
    (any::<i8>(), text(), text(), option::of(text())).prop_map(
        |(resource_type, resource_name, name, value)| ConfigRecord {
            resource_type,
            resource_name,
            name,
            value,
        },
    )
}
