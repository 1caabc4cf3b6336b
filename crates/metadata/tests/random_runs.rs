//! The metadata machine under random requests, commits that lag and lost leaders: the log always
//! folds to the image, and the image always keeps its invariants.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_metadata::config::TopicDefaults;
use ottla_metadata::image::{ConfigResource, Image, ResourceType, Topic};
use ottla_metadata::machine::{Input, Metadata};
use ottla_metadata::operations::{
    AllocateProducerIds, AlterConfigs, ChooseVoter, ConfigChange, CreatePartitions, CreateTopics,
    CreationDefaults, DeleteTopics, FenceBroker, Found, KeyChange, NewPartitions, NewTopic,
    NewTopicAssignment, RegisterBroker, ResourceChange, TopicLimits, TopicReference,
    UnregisterBroker,
};
use ottla_metadata::record;
use ottla_protocol::types::{NodeId, TopicId};
use ottla_statemachine::Limits;
use ottla_statemachine::rig::{Outcome, Random, Rig, Weights};
use proptest::prelude::*;
use uuid::Uuid;

const NAMES: [&str; 12] = [
    "a",
    "b",
    "c.d",
    "c_d",
    "e",
    "f",
    "g",
    "h.i_j",
    "",
    "..",
    "bad name",
    "__cluster_metadata",
];
const BROKERS: i32 = 4;
const PARTITIONS_TOTAL_MAX: usize = 60;

fn rig() -> Rig<Metadata> {
    let persist = |record: &_| record::decode(&record::encode(record)).unwrap();
    Rig::new(Image::default(), Limits::default(), persist)
}

fn any_input(random: &mut Random, image: &Image) -> Input {
    match random.below(25) {
        0 => Input::Found(Found {
            cluster_id: (*random.pick(&["one", "one", "other"])).to_owned(),
            features: vec![("metadata.version".to_owned(), 33)],
        }),
        1..4 => Input::RegisterBroker(any_registration(random, image)),
        4 => {
            let (broker, broker_epoch) = any_epoch(random, image);
            let fenced = random.once_in(2);
            Input::FenceBroker(FenceBroker {
                broker,
                broker_epoch,
                fenced,
            })
        }
        5 => Input::UnregisterBroker(UnregisterBroker {
            broker: any_broker(random),
        }),
        6..12 => Input::CreateTopics(any_creation(random)),
        12..15 => Input::DeleteTopics(any_deletion(random, image)),
        15..18 => Input::CreatePartitions(any_growth(random)),
        18..22 => Input::AlterConfigs(any_alteration(random)),
        22 => {
            let broker = any_broker(random);
            let known = image.broker(broker);
            let directory = known.and_then(|known| known.directories.first());
            Input::ChooseVoter(ChooseVoter {
                broker,
                directory: directory.copied().unwrap_or_default(),
                votes: random.once_in(2),
            })
        }
        _ => {
            let (broker, broker_epoch) = any_epoch(random, image);
            Input::AllocateProducerIds(AllocateProducerIds {
                broker,
                broker_epoch,
            })
        }
    }
}

fn any_broker(random: &mut Random) -> NodeId {
    NodeId(1 + i32::try_from(random.below(BROKERS as usize)).unwrap())
}

fn any_epoch(random: &mut Random, image: &Image) -> (NodeId, i64) {
    let id = any_broker(random);
    let stale = i64::from(random.once_in(4));
    (
        id,
        image.broker(id).map_or(0, |broker| broker.epoch - stale),
    )
}

fn any_registration(random: &mut Random, image: &Image) -> RegisterBroker {
    let broker = any_broker(random);
    let number = u128::from(broker.0.unsigned_abs());
    RegisterBroker {
        starts: 1,
        cluster_id: image.cluster_id().unwrap_or("one").to_owned(),
        broker,
        incarnation_id: Uuid::from_u128(0xbeef + random.below(2) as u128),
        endpoints: Vec::new(),
        features: vec![record::FeatureRange {
            name: "metadata.version".into(),
            min: 7,
            max: 33,
        }],
        rack: random.once_in(2).then(|| "rack".to_owned()),
        directories: (0..1 + random.below(2) as u128)
            .map(|directory| Uuid::from_u128(1000 * number + directory))
            .collect(),
    }
}

fn any_creation(random: &mut Random) -> CreateTopics {
    let topics = (0..1 + random.below(4))
        .map(|_| any_topic(random))
        .collect();
    CreateTopics {
        topics,
        validate_only: random.once_in(6),
        defaults: defaults(),
    }
}

fn any_topic(random: &mut Random) -> NewTopic {
    let id = TopicId(Uuid::from_u64_pair(random.any(), random.any()));
    let assigned = random.once_in(4);
    let assignments = if assigned {
        (0..1 + random.below(3))
            .map(|number| any_assignment(random, number))
            .collect()
    } else {
        Vec::new()
    };
    let values = [
        ("retention.ms", Some("5")),
        ("segment.ms", Some("x")),
        ("flush.ms", None),
    ];
    let configs: Vec<_> = (0..random.below(3))
        .map(|_| *random.pick(&values))
        .collect();
    let configs = configs.into_iter();
    NewTopic {
        name: (*random.pick(&NAMES)).to_owned(),
        id,
        grows: random.below(2) == 0,
        configs: configs
            .map(|(key, value)| (key.to_owned(), value.map(str::to_owned)))
            .collect(),
        num_partitions: if assigned {
            -1
        } else {
            i32::try_from(random.below(6)).unwrap() - 1
        },
        replication_factor: if assigned {
            -1
        } else {
            i16::try_from(random.below(5)).unwrap() - 1
        },
        assignments,
    }
}

fn any_assignment(random: &mut Random, number: usize) -> NewTopicAssignment {
    let partition = i32::try_from(number).unwrap();
    NewTopicAssignment {
        partition,
        replicas: vec![any_broker(random), any_broker(random)],
    }
}

fn any_deletion(random: &mut Random, image: &Image) -> DeleteTopics {
    let ids: Vec<TopicId> = image.topics().map(|topic| topic.id).collect();
    let topics = (0..1 + random.below(3)).map(|_| match random.below(3) {
        0 if !ids.is_empty() => TopicReference::identified(*random.pick(&ids)),
        1 => TopicReference::identified(TopicId(Uuid::from_u64_pair(1, random.any()))),
        _ => TopicReference::named(*random.pick(&NAMES)),
    });
    let topics = topics.collect();
    DeleteTopics {
        topics,
        enabled: !random.once_in(9),
    }
}

fn any_growth(random: &mut Random) -> CreatePartitions {
    let topics = (0..1 + random.below(3)).map(|_| NewPartitions {
        name: (*random.pick(&NAMES)).to_owned(),
        count: i32::try_from(random.below(10)).unwrap() - 1,
        assignments: random.once_in(4).then(|| vec![vec![any_broker(random)]]),
    });
    let topics = topics.collect();
    CreatePartitions {
        topics,
        validate_only: random.once_in(6),
        defaults: defaults(),
    }
}

fn any_alteration(random: &mut Random) -> AlterConfigs {
    let resources = (0..1 + random.below(3)).map(|_| ResourceChange {
        resource: any_resource(random),
        change: any_change(random),
    });
    AlterConfigs {
        resources: resources.collect(),
        validate_only: random.once_in(6),
        broker: any_broker(random),
        defaults: defaults(),
    }
}

fn any_resource(random: &mut Random) -> ConfigResource {
    let (kind, names): (_, &[&str]) = match random.below(8) {
        0..3 => (ResourceType::Topic, &NAMES),
        3..6 => (ResourceType::Broker, &["", "1", "2", "9", "x"]),
        6 => (ResourceType::Group, &["g", ""]),
        _ => (ResourceType::ClientMetrics, &["s"]),
    };
    let name = (*random.pick(names)).to_owned();
    ConfigResource { kind, name }
}

fn any_change(random: &mut Random) -> ConfigChange {
    let keys = [
        ("retention.ms", "7"),
        ("cleanup.policy", "compact"),
        ("log.retention.ms", "8"),
        ("log.cleanup.policy", "compact"),
        ("log.retention.hours", "1"),
        ("consumer.session.timeout.ms", "50000"),
        ("segment.ms", "x"),
    ];
    let chosen: Vec<_> = (0..random.below(3)).map(|_| *random.pick(&keys)).collect();
    let chosen = chosen.into_iter();
    if random.once_in(4) {
        return ConfigChange::Replace(
            chosen
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect(),
        );
    }
    let changes = chosen.map(|(key, value)| {
        let value = value.to_owned();
        let change = match random.below(5) {
            0 => KeyChange::Delete,
            1 => KeyChange::Append(value),
            2 => KeyChange::Subtract(value),
            _ => KeyChange::Set(value),
        };
        (key.to_owned(), change)
    });
    ConfigChange::Update(changes.collect())
}

fn defaults() -> Arc<CreationDefaults> {
    Arc::new(CreationDefaults {
        partitions: 2,
        replication_factor: None,
        configs: TopicDefaults::default(),
        limits: TopicLimits {
            partitions_total_max: PARTITIONS_TOTAL_MAX,
            ..TopicLimits::default()
        },
        ..CreationDefaults::default()
    })
}

fn check_invariants(image: &Image) {
    let topics: Vec<&Arc<Topic>> = image.topics().collect();
    assert_eq!(topics.len(), image.topic_count());
    assert!(topics.is_sorted_by(|one, next| one.name < next.name));
    let mut groups = BTreeSet::new();
    for topic in &topics {
        assert_eq!(image.topic(&topic.name), Some(*topic));
        assert_eq!(image.topic_by_id(topic.id), Some(*topic));
        assert!(!topic.partitions.is_empty());
        for partition in &topic.partitions {
            assert_eq!(partition.replicas.len(), topic.replication_factor());
            assert_eq!(partition.replicas.len(), partition.directories.len());
            let distinct: BTreeSet<_> = partition.replicas.iter().collect();
            assert_eq!(distinct.len(), partition.replicas.len());
            assert!(partition.group_id > 0 && partition.group_id < image.next_group_id());
            assert!(
                groups.insert(partition.group_id),
                "a group serves two partitions"
            );
        }
    }
    for topic in &topics {
        let valid = TopicDefaults::default().validate(&topic.configs);
        assert!(valid.is_ok(), "{valid:?}");
    }
    assert_eq!(groups.len(), image.partition_count());
    assert!(image.partition_count() <= PARTITIONS_TOTAL_MAX);
    let mut owners = BTreeMap::new();
    for broker in image.brokers() {
        for directory in &broker.directories {
            assert_eq!(
                owners.insert(*directory, broker.id),
                None,
                "two own a directory"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn the_log_folds_to_the_image_and_the_image_keeps_its_invariants(seed: u64) {
        let mut rig = rig();
        let mut random = Random::new(seed);
        rig.run(&mut random, 400, Weights::default(), any_input, check_invariants);
        let told = rig.take_answers();
        let replied = told.iter().filter(|one| matches!(one.outcome, Outcome::Reply(_))).count();
        prop_assert!(replied > 50, "hardly anything was answered");
    }

    #[test]
    fn a_snapshot_folds_to_the_image_it_was_made_from(seed: u64) {
        let mut rig = rig();
        rig.run(&mut Random::new(seed), 200, Weights::default(), any_input, |_| {});
        let mut folded = Image::default();
        for written in rig.hard().to_records() {
            folded.apply(&record::decode(&record::encode(&written)).unwrap());
        }
        prop_assert_eq!(&folded, rig.hard());
    }
}
