//! A node that carries out what `reconcile` plans has, after any changes of the metadata, exactly
//! the replicas that the image gives it.

use std::collections::{BTreeMap, BTreeSet};

use ottla_metadata::image::{Configs, Delta, Image, Partition};
use ottla_metadata::reconcile::{
    Beginning, Change, LocalNode, Replica, ReplicaId, reconcile, strays,
};
use ottla_metadata::record::{
    ConfigRecord, PartitionRecord, Record, RemoveTopicRecord, TopicRecord,
};
use ottla_protocol::types::{NodeId, TopicId};
use proptest::prelude::*;
use uuid::Uuid;

const NODE: NodeId = NodeId(1);

fn node() -> LocalNode {
    LocalNode {
        id: NODE,
        directories: BTreeSet::from([directory(0), directory(1)]),
    }
}

/// Directories 0 and 1 are the node's, 2 is one that it lost.
fn directory(number: u128) -> Uuid {
    Uuid::from_u128(500 + number)
}

fn topic_id(number: u128) -> TopicId {
    TopicId(Uuid::from_u128(900 + number))
}

/// What the node has: each replica, and whether it can be served.
#[derive(Debug, Default, PartialEq)]
struct Local(BTreeMap<ReplicaId, Held>);

#[derive(Debug, PartialEq)]
struct Held {
    group_id: u64,
    wanted: Vec<(NodeId, Uuid)>,
    directory: Uuid,
    configs: Configs,
    online: bool,
}

impl Local {
    fn carry_out(&mut self, change: Change) {
        match change {
            Change::Delete(id) => assert!(self.0.remove(&id).is_some(), "{id:?} is not here"),
            Change::Open(replica) => self.hold(replica, true),
            Change::Offline(replica) => self.hold(replica, false),
            Change::Resize { id, wanted } => {
                let held = self.0.get_mut(&id).expect("a resized replica is here");
                assert_ne!(held.wanted, wanted, "nothing to resize");
                held.wanted = wanted;
            }
            Change::Configure {
                topic_id, configs, ..
            } => {
                let of_topic = self.0.iter_mut().filter(|(id, _)| id.topic_id == topic_id);
                of_topic.for_each(|(_, held)| held.configs = (*configs).clone());
            }
        }
    }

    fn hold(&mut self, replica: Replica, online: bool) {
        let Replica {
            id,
            group_id,
            wanted,
            directory,
            configs,
            ..
        } = replica;
        let configs = (*configs).clone();
        let held = Held {
            group_id,
            wanted,
            directory,
            configs,
            online,
        };
        let name = format!("{id:?}");
        assert!(self.0.insert(id, held).is_none(), "{name} is here already");
    }

    /// What the image gives the node.
    fn expected(image: &Image, node: &LocalNode) -> Self {
        let mut expected = BTreeMap::new();
        for topic in image.topics() {
            for (partition, number) in topic.partitions.iter().zip(0..) {
                let Some(directory) = partition.directory(node.id) else {
                    continue;
                };
                let topic_name = topic.name.clone();
                let id = ReplicaId {
                    topic_id: topic.id,
                    partition: number,
                    topic: topic_name,
                };
                let held = Held {
                    group_id: partition.group_id,
                    wanted: partition.wanted().collect(),
                    directory,
                    configs: (*topic.configs).clone(),
                    online: node.directories.contains(&directory),
                };
                expected.insert(id, held);
            }
        }
        Self(expected)
    }
}

/// Any record about topics, sensible or not: a small world, so that records meet.
fn record() -> impl Strategy<Value = Record> {
    let replicas = prop::sample::subsequence(vec![NodeId(1), NodeId(2), NodeId(3)], 1..=3);
    let partition = (
        0..6u128,
        0..4i32,
        replicas.prop_shuffle(),
        0..3u128,
        1..40u64,
        prop::collection::vec((1..4i32).prop_map(NodeId), 0..2),
    );
    prop_oneof![
        2 => (0..6u128).prop_map(|number| {
            // Ids 0 to 5 share three names, so that a topic can come back under its name.
            let name = format!("topic.{}", number % 3);
            Record::Topic(TopicRecord { name, topic_id: topic_id(number) })
        }),
        6 => partition.prop_map(|(topic, partition, replicas, own, group_id, removing)| {
            let directories = replicas.iter().map(|id| match *id {
                NODE => directory(own),
                other => Uuid::from_u128(other.0.unsigned_abs().into()),
            });
            let directories = directories.collect();
            let created = Partition::created(replicas, directories, group_id);
            let state = Partition { removing, ..created };
            Record::Partition(PartitionRecord {
                partition,
                topic_id: topic_id(topic),
                state,
            })
        }),
        2 => (0..3u128, any::<Option<bool>>()).prop_map(|(number, value)| {
            Record::Config(ConfigRecord {
                resource_type: 2,
                resource_name: format!("topic.{number}"),
                name: "preallocate".into(),
                value: value.map(|value| value.to_string()),
            })
        }),
        1 => (0..6u128).prop_map(|number| {
            Record::RemoveTopic(RemoveTopicRecord { topic_id: topic_id(number) })
        }),
    ]
}

proptest! {
    #[test]
    fn following_every_change_leads_to_what_the_image_gives_the_node(
        batches in prop::collection::vec(prop::collection::vec(record(), 0..12), 1..12),
    ) {
        let node = node();
        let (mut image, mut local) = (Image::default(), Local::default());
        for batch in batches {
            let old = image.clone();
            batch.iter().for_each(|record| image.apply(record));
            let delta = Delta::between(&old, &image);
            prop_assert_eq!(delta.is_empty(), old.topics().eq(image.topics()));
            for change in reconcile(&delta, &image, &node) {
                local.carry_out(change);
            }
            prop_assert_eq!(&local, &Local::expected(&image, &node));
            let held = local.0.keys().cloned();
            prop_assert_eq!(strays(&image, NODE, held), vec![]);
        }
        let mut fresh = Local::default();
        for change in reconcile(&Delta::between(&Image::default(), &image), &image, &node) {
            fresh.carry_out(change);
        }
        prop_assert_eq!(&fresh, &local);
    }
}

fn applied(records: &[Record]) -> Image {
    let mut image = Image::default();
    records.iter().for_each(|record| image.apply(record));
    image
}

fn topic(number: u128, name: &str) -> Record {
    Record::Topic(TopicRecord {
        name: name.into(),
        topic_id: topic_id(number),
    })
}

fn partition(topic: u128, number: i32, group_id: u64, own: u128) -> Record {
    Record::Partition(PartitionRecord {
        partition: number,
        topic_id: topic_id(topic),
        state: Partition::created(vec![NODE], vec![directory(own)], group_id),
    })
}

#[test]
fn a_topic_that_came_back_is_gone_before_it_is_opened() {
    let old = applied(&[topic(5, "t"), partition(5, 0, 1, 0)]);
    let new = applied(&[topic(1, "t"), partition(1, 0, 2, 0)]);
    let plan = reconcile(&Delta::between(&old, &new), &new, &node());
    let [Change::Delete(gone), Change::Open(opened)] = &plan[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(
        (gone.topic_id, opened.id.topic_id),
        (topic_id(5), topic_id(1))
    );
    assert!(matches!(opened.beginning, Beginning::Founds(_)));
}

fn broker_config(broker: &str, value: Option<&str>) -> Record {
    Record::Config(ConfigRecord {
        resource_type: 4,
        resource_name: broker.into(),
        name: "log.retention.ms".into(),
        value: value.map(str::to_owned),
    })
}

#[test]
fn new_defaults_of_topics_configure_what_this_node_holds() {
    let records = [
        topic(1, "here"),
        partition(1, 0, 1, 0),
        topic(2, "without.partitions"),
        broker_config("2", Some("5")),
    ];
    let old = applied(&records);
    for (broker, value, configured) in [
        ("", Some("5"), 1),
        ("1", Some("5"), 1),
        ("1", None, 0),
        ("2", None, 0),
        ("2", Some("6"), 0),
        ("10", Some("5"), 0),
    ] {
        let mut new = old.clone();
        new.apply(&broker_config(broker, value));
        let delta = Delta::between(&old, &new);
        assert_eq!(delta.is_empty(), old == new);
        let plan = reconcile(&delta, &new, &node());
        assert_eq!(plan.len(), configured, "{broker:?} {value:?}: {plan:?}");
        let of_topic = |change: &Change| match change {
            Change::Configure { topic, .. } => **topic == *"here",
            _ => false,
        };
        assert!(plan.iter().all(of_topic), "{plan:?}");
    }
}

#[test]
fn a_replica_in_a_lost_directory_is_not_opened() {
    let image = applied(&[topic(1, "t"), partition(1, 0, 1, 2)]);
    let plan = reconcile(&Delta::between(&Image::default(), &image), &image, &node());
    assert!(matches!(&plan[..], [Change::Offline(replica)] if replica.directory == directory(2)));
}

#[test]
fn only_what_the_image_does_not_give_the_node_is_a_stray() {
    let image = applied(&[topic(1, "t"), partition(1, 0, 1, 0)]);
    let id = |topic, partition| ReplicaId {
        topic_id: topic_id(topic),
        partition,
        topic: "t".into(),
    };
    let found = [id(1, 0), id(1, 1), id(2, 0)];
    assert_eq!(strays(&image, NODE, found.clone()), [id(1, 1), id(2, 0)]);
    assert_eq!(strays(&image, NodeId(2), found.clone()), found);
}
