//! More replicas for partitions that are to have as many as the cluster has brokers for: a pure planner.
//!
//! A broker alone has topics with one replica each. When others come, those topics of which nobody said
//! how many replicas they want get more, some partitions at a time. New replicas go to the brokers that
//! hold the fewest, in racks that the partition does not stand in, if there are such; and its preferred
//! leader is another than before where that spreads leaders.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ottla_protocol::types::NodeId;

use crate::image::{Image, Partition, Topic};
use crate::operations::NewReplicas;

/// What the partitions that grow are to have next. `factor` says how many replicas those of a topic
/// are to have in the end; of all partitions, at most `at_once_max` move at a time.
pub fn plan_growth(
    image: &Image,
    factor: impl Fn(&Topic) -> i16,
    at_once_max: usize,
) -> Vec<NewReplicas> {
    let active: Vec<NodeId> = image
        .brokers()
        .filter(|broker| broker.is_active())
        .map(|broker| broker.id)
        .collect();
    let room = at_once_max.saturating_sub(image.moving().count());
    if active.len() < 2 || room == 0 {
        return Vec::new();
    }
    let partitions = image.topics().flat_map(|topic| {
        let numbered = topic.partitions.iter().zip(0..);
        numbered.map(move |(partition, number)| (topic, number, partition))
    });
    let mut held: BTreeMap<NodeId, usize> = active.iter().map(|node| (*node, 0)).collect();
    let mut growing = Vec::new();
    for (topic, number, partition) in partitions {
        for node in &partition.replicas {
            held.entry(*node).and_modify(|count| *count += 1);
        }
        let wanted = usize::try_from(factor(topic))
            .unwrap_or(0)
            .min(active.len());
        let is_short = partition.replicas.len() < wanted;
        if partition.grows && is_short && !partition.is_moving() && growing.len() < room {
            growing.push((topic, number, partition, wanted));
        }
    }
    let grown = growing
        .into_iter()
        .map(|(topic, number, partition, wanted)| NewReplicas {
            topic: topic.name.to_string(),
            partition: number,
            replicas: Some(grow(image, partition, wanted, &mut held)),
        });
    grown.collect()
}

fn grow(
    image: &Image,
    partition: &Partition,
    wanted: usize,
    held: &mut BTreeMap<NodeId, usize>,
) -> Vec<NodeId> {
    let rack = |node: &NodeId| {
        image
            .broker(*node)
            .and_then(|broker| broker.rack.as_deref())
    };
    let mut replicas = partition.replicas.clone();
    while replicas.len() < wanted {
        let others = held.iter().filter(|(node, _)| !replicas.contains(node));
        let next = others.min_by_key(|(node, count)| {
            let shares_rack =
                rack(node).is_some() && replicas.iter().any(|it| rack(it) == rack(node));
            (shares_rack, **count, Reverse(**node))
        });
        let Some(next) = next.map(|(node, _)| *node) else {
            break;
        };
        held.entry(next).and_modify(|count| *count += 1);
        replicas.push(next);
    }
    replicas.sort();
    let count = u64::try_from(replicas.len()).expect("a usize fits a u64");
    let first = usize::try_from(partition.group_id % count).expect("smaller than a usize");
    replicas.rotate_left(first);
    replicas
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::{Input, Reply};
    use crate::operations::{AlterReplicas, RegisterBroker, SettleReplicas};
    use crate::testing::*;

    #[test]
    fn topics_grow_as_brokers_come_some_partitions_at_a_time() {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("grows", 6, -1)).unwrap();
        create_one(&mut rig, new_topic("said.one", 1, 1)).unwrap();
        let plan = |image: &Image| plan_growth(image, |_| 3, 4);
        assert_eq!(plan(rig.hard()), []);
        for id in [2, 3, 4] {
            let register = Input::RegisterBroker(RegisterBroker {
                rack: Some(format!("r{}", id % 2)),
                ..registration(id)
            });
            assert!(matches!(rig.ask(register), Reply::RegisterBroker(Ok(_))));
        }
        for moved in [4, 2, 0] {
            let partitions = plan(rig.hard());
            assert_eq!(partitions.len(), moved, "{partitions:?}");
            let grow = AlterReplicas {
                partitions,
                may_change_factor: true,
                is_growth: true,
            };
            let reply = rig.ask(Input::AlterReplicas(grow));
            let Reply::AlterReplicas(outcomes) = reply else {
                panic!("{reply:?}")
            };
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let moving: Vec<_> = rig
                .hard()
                .moving()
                .map(|(topic, number, partition)| SettleReplicas {
                    topic_id: topic.id,
                    partition: number,
                    held_by: partition.wanted().collect(),
                })
                .collect();
            for settle in moving {
                rig.ask(Input::SettleReplicas(settle));
            }
        }
        let image = rig.hard();
        let grown = &image.topic("grows").unwrap().partitions;
        assert!(
            grown
                .iter()
                .all(|one| one.replicas.len() == 3 && one.replicas.contains(&NodeId(1)))
        );
        let leaders: std::collections::BTreeSet<_> =
            grown.iter().map(|one| one.replicas[0]).collect();
        assert!(leaders.len() >= 2, "{leaders:?}");
        let apart = |partition: &Partition| {
            let racks = partition
                .replicas
                .iter()
                .map(|it| image.broker(*it).unwrap().rack.clone());
            racks.collect::<std::collections::BTreeSet<_>>().len() == 3
        };
        assert!(grown.iter().all(apart), "{grown:?}");
        assert_eq!(image.topic("said.one").unwrap().replication_factor(), 1);
    }
}
