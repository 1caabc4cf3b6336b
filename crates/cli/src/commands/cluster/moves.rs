//! Which broker gets each replica of one that leaves: a pure planner.
//!
//! A replica goes to a broker in service that has none of the partition: first to a rack that no other
//! replica of it is in, then to the broker with the fewest replicas, then to the lowest number. It takes
//! the place of the one that goes, so that preferred leaders spread too.

use std::collections::BTreeMap;

use ottla_client::admin::{DescribedBroker, Reassignment};
use ottla_protocol::NodeId;

/// A partition, and who is to keep it.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) replicas: Vec<NodeId>,
}

/// There is no broker for replicas of these topics, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TooFewBrokers(pub(super) Vec<String>);

/// Where everything goes that `leaving` keeps.
pub(super) fn plan(
    kept: &[Kept],
    brokers: &[DescribedBroker],
    leaving: NodeId,
) -> Result<Vec<Reassignment>, TooFewBrokers> {
    let mut load: BTreeMap<NodeId, usize> = BTreeMap::new();
    for node in kept.iter().flat_map(|one| &one.replicas) {
        *load.entry(*node).or_default() += 1;
    }
    let rack = |node: &NodeId| {
        let described = brokers.iter().find(|it| it.broker.id == *node);
        described.and_then(|it| it.broker.rack.as_deref())
    };
    let mut moves = Vec::new();
    let mut homeless: Vec<String> = Vec::new();
    for one in kept.iter().filter(|one| one.replicas.contains(&leaving)) {
        let others = one.replicas.iter().filter(|node| **node != leaving);
        let racks: Vec<_> = others.filter_map(rack).collect();
        let can_take =
            |it: &&DescribedBroker| !it.is_fenced && !one.replicas.contains(&it.broker.id);
        let best = brokers.iter().filter(can_take).min_by_key(|it| {
            let is_shared = rack(&it.broker.id).is_some_and(|rack| racks.contains(&rack));
            let count = load.get(&it.broker.id).copied().unwrap_or(0);
            (is_shared, count, it.broker.id)
        });
        let Some(best) = best.map(|it| it.broker.id) else {
            if !homeless.contains(&one.topic) {
                homeless.push(one.topic.clone());
            }
            continue;
        };
        *load.entry(best).or_default() += 1;
        let replicas = one.replicas.iter();
        let place = |node: &NodeId| if *node == leaving { best } else { *node };
        moves.push(Reassignment {
            topic: one.topic.clone(),
            partition: one.partition,
            replicas: replicas.map(place).collect(),
        });
    }
    match homeless.is_empty() {
        true => Ok(moves),
        false => Err(TooFewBrokers(homeless)),
    }
}

#[cfg(test)]
mod tests {
    use ottla_client::Address;
    use ottla_client::cluster::Broker;

    use super::*;

    fn broker(id: i32, rack: &str, is_fenced: bool) -> DescribedBroker {
        DescribedBroker {
            broker: Broker {
                id: NodeId(id),
                address: Address::new("b", 1),
                rack: Some(rack.to_owned()).filter(|rack| !rack.is_empty()),
            },
            is_fenced,
        }
    }

    fn kept(topic: &str, replicas: &[i32]) -> Kept {
        Kept {
            topic: topic.to_owned(),
            partition: 0,
            replicas: replicas.iter().copied().map(NodeId).collect(),
        }
    }

    fn targets(kept: &[Kept], brokers: &[DescribedBroker], leaving: i32) -> Vec<Vec<i32>> {
        let moves = plan(kept, brokers, NodeId(leaving)).unwrap();
        let ids = |one: &Reassignment| one.replicas.iter().map(|id| id.0).collect();
        moves.iter().map(ids).collect()
    }

    #[test]
    fn replicas_go_to_those_with_the_fewest_and_keep_their_place() {
        let brokers = [1, 2, 3, 4].map(|id| broker(id, "", false));
        let all = [
            kept("a", &[1, 2]),
            kept("b", &[2, 1]),
            kept("c", &[1, 3]),
            kept("d", &[2, 3]),
        ];
        assert_eq!(targets(&all, &brokers, 1), [[4, 2], [2, 4], [4, 3]]);
        assert!(targets(&all, &brokers, 4).is_empty());
    }

    #[test]
    fn another_rack_comes_before_a_shorter_list() {
        let brokers = [
            broker(1, "a", false),
            broker(2, "b", false),
            broker(3, "b", false),
            broker(4, "a", false),
        ];
        let all = [kept("t", &[1, 2]), kept("u", &[4, 2]), kept("v", &[4, 2])];
        assert_eq!(targets(&all, &brokers, 1), [[4, 2]]);
    }

    #[test]
    fn who_is_out_of_service_gets_nothing_and_topics_without_a_place_are_named() {
        let brokers = [
            broker(1, "", false),
            broker(2, "", false),
            broker(3, "", true),
        ];
        let all = [
            kept("wide", &[1, 2]),
            kept("wide", &[2, 1]),
            kept("narrow", &[1]),
        ];
        let refused = plan(&all, &brokers, NodeId(1));
        assert_eq!(refused, Err(TooFewBrokers(vec!["wide".to_owned()])));
        assert_eq!(targets(&all[2..], &brokers, 1), [[2]]);
    }
}
