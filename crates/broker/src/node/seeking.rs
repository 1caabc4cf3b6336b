//! From the brokers that this one was told of to the cluster that it belongs to.
//!
//! An empty broker that was told of others asks them who they are, again and again, until it knows
//! what to do. If one of them has a cluster, it joins that one. If all are empty, all were told of
//! the same brokers and each has a number of its own, the one with the lowest number founds a
//! cluster of exactly these, and the others join it. Until then it waits, and says for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use ottla_replication::transport::{Contact, Presence, seek};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::config::HostPort;
use crate::http::Health;

/// How long to rest between two rounds of questions.
const REST: Duration = Duration::from_millis(250);
/// How often it is said again for whom this broker waits.
const REMIND: Duration = Duration::from_secs(30);

/// How a broker came to its cluster. It counts until the cluster's metadata tells of all these brokers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Beginning {
    /// It founds the cluster, with these brokers and nobody else.
    pub(super) is_founder: bool,
    /// Brokers of the cluster.
    pub(super) brokers: Vec<Contact>,
}

/// What an empty broker should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Name a cluster and found it.
    Found(Beginning),
    /// Be a broker of this cluster.
    Join(String, Beginning),
    /// Ask again; for whom it waits.
    Wait(String),
}

/// What came of asking each address.
pub(super) type Answers = BTreeMap<String, Result<Presence, String>>;

/// What to do after these answers.
pub(super) fn decide(me: &Presence, answers: &Answers) -> Decision {
    let present = answers.values().filter_map(|answer| answer.as_ref().ok());
    let clusters: BTreeMap<&str, _> = present
        .filter_map(|other| other.cluster.as_ref())
        .map(|cluster| (cluster.cluster_id.as_str(), cluster))
        .collect();
    match clusters.len() {
        0 => decide_to_found(me, answers),
        1 => {
            let (cluster_id, cluster) = clusters.into_iter().next().expect("there is one");
            let same_number = cluster.brokers.iter().find(|it| it.node == me.me.node);
            let taken = same_number.filter(|it| it.directory != me.me.directory);
            let in_service = taken.filter(|it| !cluster.out_of_service.contains(&it.node));
            if let Some(taken) = in_service {
                return Decision::Wait(format!(
                    "cluster {cluster_id} has a broker with node.id {} already, at {}:{}, with another log \
                     directory: give this one a number of its own or, if it is that broker on an \
                     emptied disk, wait until the cluster has taken it out of service",
                    taken.node, taken.host, taken.port
                ));
            }
            let is_known = same_number.is_some() && taken.is_none();
            let beginning = Beginning {
                is_founder: is_known && cluster.founders.contains(&me.me.node),
                brokers: cluster.brokers.clone(),
            };
            Decision::Join(cluster_id.to_owned(), beginning)
        }
        _ => Decision::Wait(format!(
            "the brokers in ottla.peer.seeds are of different clusters ({}): name those of one",
            Vec::from_iter(clusters.into_keys()).join(", ")
        )),
    }
}

fn decide_to_found(me: &Presence, answers: &Answers) -> Decision {
    let mut founders: BTreeMap<i32, &Presence> = BTreeMap::new();
    let seeds: BTreeSet<&String> = me.seeds.iter().collect();
    for (address, answer) in answers {
        let other = match answer {
            Ok(other) => other,
            Err(reason) => return Decision::Wait(format!("waiting for {address}: {reason}")),
        };
        if other.seeds.iter().collect::<BTreeSet<_>>() != seeds {
            return Decision::Wait(format!(
                "{address} was told of other brokers ({}): give all the same ottla.peer.seeds",
                other.seeds.join(",")
            ));
        }
        let known = founders.insert(other.me.node, other);
        if known.is_some_and(|known| known.me.directory != other.me.directory) {
            let node = other.me.node;
            return Decision::Wait(format!(
                "{address} and another broker both have node.id {node}: give each its own"
            ));
        }
    }
    let is_named = founders.get(&me.me.node);
    if is_named.is_none_or(|named| named.me.directory != me.me.directory) {
        return Decision::Wait(match is_named {
            Some(other) => format!(
                "another broker, at {}:{}, has node.id {} too: give each its own",
                other.me.host, other.me.port, me.me.node
            ),
            None => "waiting for the brokers in ottla.peer.seeds to found their cluster".to_owned(),
        });
    }
    let (first, _) = founders.first_key_value().expect("this broker is named");
    if *first != me.me.node {
        return Decision::Wait(format!("waiting for node {first} to found the cluster"));
    }
    Decision::Found(Beginning {
        is_founder: true,
        brokers: founders.into_values().map(|it| it.me.clone()).collect(),
    })
}

/// Asks until it is decided what to do.
pub(super) async fn seek_cluster(
    me: &Presence,
    seeds: &[HostPort],
    health: &Health,
) -> (Option<String>, Beginning) {
    let mut told: Option<(String, Instant)> = None;
    loop {
        let asking = seeds.iter().map(|seed| async move {
            let answer = seek(&seed.host, seed.port).await;
            (seed.to_string(), answer)
        });
        let answers: Answers = join_all(asking).await.into_iter().collect();
        let reason = match decide(me, &answers) {
            Decision::Found(beginning) => return (None, beginning),
            Decision::Join(cluster_id, beginning) => return (Some(cluster_id), beginning),
            Decision::Wait(reason) => reason,
        };
        let is_old = |(text, at): &(String, Instant)| *text == reason && at.elapsed() < REMIND;
        if !told.as_ref().is_some_and(is_old) {
            tracing::info!("no cluster yet: {reason}");
            health.not_ready(&format!("no cluster yet: {reason}"));
            told = Some((reason, Instant::now()));
        }
        sleep(REST).await;
    }
}

#[cfg(test)]
mod tests {
    use ottla_replication::transport::Membership;
    use uuid::Uuid;

    use super::*;

    fn contact(node: i32) -> Contact {
        Contact {
            node,
            directory: Uuid::from_u128(node.unsigned_abs().into()),
            host: format!("b{node}"),
            port: 9093,
        }
    }

    fn empty(node: i32) -> Presence {
        Presence {
            me: contact(node),
            seeds: ["b1:9093", "b2:9093", "b3:9093"].map(String::from).to_vec(),
            cluster: None,
        }
    }

    fn of_cluster(node: i32, cluster: &str, brokers: &[i32], founders: &[i32]) -> Presence {
        Presence {
            cluster: Some(Membership {
                cluster_id: cluster.to_owned(),
                brokers: brokers.iter().copied().map(contact).collect(),
                founders: founders.to_vec(),
                out_of_service: Vec::new(),
            }),
            ..empty(node)
        }
    }

    fn answers(present: Vec<Presence>) -> Answers {
        let silent = || Err("refused".to_owned());
        let mut answers: Answers = empty(1)
            .seeds
            .into_iter()
            .map(|it| (it, silent()))
            .collect();
        for one in present {
            answers.insert(format!("{}:9093", one.me.host), Ok(one));
        }
        answers
    }

    fn waits(me: i32, present: Vec<Presence>) -> String {
        match decide(&empty(me), &answers(present)) {
            Decision::Wait(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_lowest_of_all_founds_when_all_are_there_and_agree() {
        let all = || (1..=3).map(empty).collect::<Vec<_>>();
        let found = decide(&empty(1), &answers(all()));
        let brokers = (1..=3).map(contact).collect();
        let is_founder = true;
        let expected = Beginning {
            is_founder,
            brokers,
        };
        assert_eq!(found, Decision::Found(expected));
        assert_eq!(waits(2, all()), "waiting for node 1 to found the cluster");
        let two = vec![empty(1), empty(2)];
        assert_eq!(waits(1, two), "waiting for b3:9093: refused");
    }

    #[test]
    fn a_cluster_that_is_there_is_joined_even_if_others_are_silent() {
        let joined = |me: i32, founders: &[i32]| {
            let there = of_cluster(1, "ours", &[1, 2, 3], founders);
            match decide(&empty(me), &answers(vec![there])) {
                Decision::Join(cluster, beginning) => (cluster, beginning.is_founder),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(joined(2, &[1, 2, 3]), ("ours".to_owned(), true));
        assert_eq!(joined(2, &[]), ("ours".to_owned(), false));
        assert_eq!(joined(4, &[1, 2, 3]), ("ours".to_owned(), false));
    }

    #[test]
    fn a_number_that_is_taken_is_not_used_again() {
        let mut there = of_cluster(1, "ours", &[1, 2, 3], &[1, 2, 3]);
        there.cluster.as_mut().unwrap().brokers[1].directory = Uuid::from_u128(99);
        let reason = waits(2, vec![there]);
        assert!(reason.contains("with another log directory"), "{reason}");
    }

    #[test]
    fn a_broker_out_of_service_comes_back_on_another_disk_and_founds_nothing() {
        let mut there = of_cluster(1, "ours", &[1, 2, 3], &[1, 2, 3]);
        let cluster = there.cluster.as_mut().unwrap();
        cluster.brokers[1].directory = Uuid::from_u128(99);
        cluster.out_of_service.push(2);
        match decide(&empty(2), &answers(vec![there])) {
            Decision::Join(cluster, beginning) => {
                assert_eq!((&*cluster, beginning.is_founder), ("ours", false));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let mut twin = empty(2);
        twin.me.node = 1;
        let reason = waits(1, vec![empty(1), twin, empty(3)]);
        assert!(reason.contains("both have node.id 1"), "{reason}");
        let mut other = empty(2);
        other.seeds.pop();
        let reason = waits(1, vec![empty(1), other, empty(3)]);
        assert!(reason.contains("told of other brokers"), "{reason}");
        let reason = waits(9, (1..=3).map(empty).collect());
        assert!(reason.contains("to found their cluster"), "{reason}");
        let two = vec![of_cluster(1, "a", &[1], &[]), of_cluster(2, "b", &[2], &[])];
        assert!(waits(3, two).contains("different clusters (a, b)"));
    }
}
