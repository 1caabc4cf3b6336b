//! Where the replicas of new partitions go: a pure planner over the brokers that can take them.
//!
//! Replicas go to as many racks as there are, and come twice to one only after all others; brokers
//! that name no rack share one. Within a rack, brokers in service come before fenced ones. That is
//! what Kafka's StripedReplicaPlacer does, with racks that differ in size as with equal ones: a small
//! rack has as many replicas as a large one.
//!
//! Leaders go round the brokers in service, rack after rack, and go on where the last partition of the
//! cluster ended, so that many small topics spread as one large one does. Followers go to the racks
//! that come after the leader's, at a distance that grows each round, and within those to each broker
//! in turn, so that the partitions which a broker leads have their other replicas on all others, not
//! always on the same. The first replica, which is the preferred leader, is never a fenced broker.

use std::collections::BTreeMap;

use ottla_protocol::types::NodeId;
use uuid::Uuid;

use crate::image::{Broker, Image};

/// The replicas of one partition, the preferred leader first, and each one's log directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who holds a replica.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order.
    pub directories: Vec<Uuid>,
}

/// Why there is no place for the replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Nobody can lead.
    #[error("all brokers are fenced or shutting down")]
    NoActiveBroker,
    /// A partition cannot have two replicas on one broker.
    #[error("{wanted} replicas were asked for, but only {registered} broker(s) are registered")]
    TooFewBrokers {
        /// Replicas asked for.
        wanted: usize,
        /// Brokers there are.
        registered: usize,
    },
}

/// The brokers of an image, as the planner sees them.
pub struct Placement<'a> {
    racks: Vec<Rack<'a>>,
    /// The brokers that can lead, as their racks and places in them: the first of each rack, then the
    /// second of each.
    leaders: Vec<Place>,
    registered: usize,
}

/// The brokers of one rack.
#[derive(Default)]
struct Rack<'a> {
    active: Vec<&'a Broker>,
    others: Vec<&'a Broker>,
}

/// A broker that can lead.
#[derive(Clone, Copy)]
struct Place {
    rack: usize,
    /// Among those of its rack.
    broker: usize,
}

impl<'a> Placement<'a> {
    /// Sorts the brokers into racks, and those that can lead from the rest.
    pub fn new(image: &'a Image) -> Self {
        let mut racks: BTreeMap<Option<&str>, Rack<'a>> = BTreeMap::new();
        for broker in image.brokers() {
            let rack = racks.entry(broker.rack.as_deref()).or_default();
            match broker.is_active() {
                true => rack.active.push(broker),
                false => rack.others.push(broker),
            }
        }
        let racks: Vec<Rack<'a>> = racks.into_values().collect();
        let places = |(rack, brokers): (usize, &Rack<'a>)| {
            (0..brokers.active.len()).map(move |broker| Place { rack, broker })
        };
        let mut leaders: Vec<Place> = racks.iter().enumerate().flat_map(places).collect();
        leaders.sort_by_key(|place| (place.broker, place.rack));
        Self {
            racks,
            leaders,
            registered: image.brokers().count(),
        }
    }

    /// The replicas of the partition that gets this Raft group. Group ids count partitions of the
    /// whole cluster, which is what makes leaders go round.
    pub fn assign(&self, group_id: u64, replicas: usize) -> Result<Assignment, PlacementError> {
        if self.leaders.is_empty() {
            return Err(PlacementError::NoActiveBroker);
        }
        if replicas > self.registered {
            return Err(PlacementError::TooFewBrokers {
                wanted: replicas,
                registered: self.registered,
            });
        }
        let leader = self.leaders[remainder(group_id, self.leaders.len())];
        let first = self.racks[leader.rack].active[leader.broker];
        let followers = self.followers(group_id, leader);
        let chosen = std::iter::once(first).chain(followers).take(replicas);
        let (replicas, directories) = chosen
            .map(|broker| (broker.id, directory_for(broker, group_id)))
            .unzip();
        Ok(Assignment {
            replicas,
            directories,
        })
    }

    /// All brokers but the leader, in the order in which they get replicas: one of each other rack,
    /// then one of the leader's, and so on until all racks are used up.
    fn followers(&self, group_id: u64, leader: Place) -> Vec<&'a Broker> {
        let round = group_id / self.leaders.len() as u64;
        let other_racks = self.racks.len() - 1;
        // How often each other rack has come first: from there the brokers within them go on.
        let lap = round / other_racks.max(1) as u64;
        let behind = (1..=other_racks).map(|step| (leader.rack + step) % self.racks.len());
        let mut behind: Vec<usize> = behind.collect();
        rotate(&mut behind, round);
        let mut racks: Vec<_> = behind
            .into_iter()
            .map(|rack| self.racks[rack].from(leader.broker as u64 + lap, group_id))
            .collect();
        racks.push(self.racks[leader.rack].after(leader.broker, lap, group_id));
        let longest = racks.iter().map(Vec::len).max().unwrap_or(0);
        let turns = (0..longest).flat_map(|turn| racks.iter().filter_map(move |it| it.get(turn)));
        turns.copied().collect()
    }
}

impl<'a> Rack<'a> {
    /// All of them, those in service first, from one on.
    fn from(&self, start: u64, group_id: u64) -> Vec<&'a Broker> {
        let mut active = self.active.clone();
        rotate(&mut active, start);
        self.with_others(active, group_id)
    }

    /// All but the leader, those in service first: its neighbours, at a distance that grows each lap.
    fn after(&self, leader: usize, lap: u64, group_id: u64) -> Vec<&'a Broker> {
        let mut active = self.active.clone();
        active.rotate_left(leader);
        active.remove(0);
        rotate(&mut active, lap);
        self.with_others(active, group_id)
    }

    fn with_others(&self, mut brokers: Vec<&'a Broker>, group_id: u64) -> Vec<&'a Broker> {
        let mut others = self.others.clone();
        rotate(&mut others, group_id);
        brokers.append(&mut others);
        brokers
    }
}

fn rotate<T>(all: &mut [T], by: u64) {
    if !all.is_empty() {
        all.rotate_left(remainder(by, all.len()));
    }
}

/// The log directory that the broker's replica of this group gets: each in turn.
pub fn directory_for(broker: &Broker, group_id: u64) -> Uuid {
    match broker.directories.len() {
        0 => Uuid::nil(),
        count => broker.directories[remainder(group_id, count)],
    }
}

fn remainder(value: u64, divisor: usize) -> usize {
    let divisor = u64::try_from(divisor).expect("a usize fits a u64");
    usize::try_from(value % divisor).expect("smaller than a usize")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;
    use crate::record::{Record, RegisterBrokerRecord};

    /// A broker of a test: its rack, and whether it is in service.
    #[derive(Clone, Copy, Debug)]
    struct Seat(Option<&'static str>, bool);

    /// Brokers from number 1 on.
    fn image(seats: &[Seat]) -> Image {
        let mut image = Image::default();
        for (id, Seat(rack, is_active)) in (1..).zip(seats) {
            image.apply(&Record::RegisterBroker(RegisterBrokerRecord {
                starts: 1,
                broker_id: NodeId(id),
                incarnation_id: Uuid::nil(),
                broker_epoch: 0,
                endpoints: Vec::new(),
                features: Vec::new(),
                rack: rack.map(str::to_owned),
                fenced: !is_active,
                in_controlled_shutdown: false,
                log_dirs: (0..3)
                    .map(|dir| Uuid::from_u128(id as u128 * 10 + dir))
                    .collect(),
                vote: Default::default(),
            }));
        }
        image
    }

    /// Brokers without racks.
    fn brokers(active: usize, fenced: usize) -> Image {
        let seats = [
            vec![Seat(None, true); active],
            vec![Seat(None, false); fenced],
        ];
        image(&seats.concat())
    }

    /// Brokers in service, so many in each rack.
    fn racks(sizes: &[usize]) -> Image {
        let named = ["a", "b", "c", "d"].iter().zip(sizes);
        let seats = named.flat_map(|(rack, size)| vec![Seat(Some(rack), true); *size]);
        image(&seats.collect::<Vec<_>>())
    }

    fn replicas(image: &Image, group_id: u64, count: usize) -> Vec<i32> {
        let assignment = Placement::new(image).assign(group_id, count).unwrap();
        assignment.replicas.iter().map(|id| id.0).collect()
    }

    #[test]
    fn leaders_go_round_and_followers_shift_each_round() {
        let image = brokers(3, 0);
        let placed: Vec<_> = (0..7)
            .map(|group_id| replicas(&image, group_id, 2))
            .collect();
        assert_eq!(
            placed,
            [[1, 2], [2, 3], [3, 1], [1, 3], [2, 1], [3, 2], [1, 2]].map(Vec::from)
        );
    }

    #[test]
    fn the_log_directories_of_a_broker_take_turns() {
        let image = brokers(1, 0);
        let placement = Placement::new(&image);
        let used: BTreeSet<_> = (0..3)
            .map(|group_id| placement.assign(group_id, 1).unwrap().directories)
            .collect();
        assert_eq!(used.len(), 3);
    }

    #[test]
    fn fenced_brokers_are_the_last_resort_and_never_lead() {
        let image = brokers(2, 2);
        for group_id in 0..8 {
            assert!(replicas(&image, group_id, 2).iter().all(|id| *id <= 2));
            let three = replicas(&image, group_id, 3);
            assert!(three[0] <= 2 && three[1] <= 2 && three[2] > 2);
        }
    }

    #[test]
    fn too_few_brokers_or_none_alive_are_errors() {
        let error = Placement::new(&brokers(1, 1)).assign(0, 3).unwrap_err();
        assert_eq!(
            error,
            PlacementError::TooFewBrokers {
                wanted: 3,
                registered: 2
            }
        );
        let error = Placement::new(&brokers(0, 1)).assign(0, 1).unwrap_err();
        assert_eq!(error, PlacementError::NoActiveBroker);
        let error = Placement::new(&brokers(0, 0)).assign(0, 1).unwrap_err();
        assert_eq!(error, PlacementError::NoActiveBroker);
    }

    #[test]
    fn leaders_and_followers_go_round_the_racks() {
        let two_each = racks(&[2, 2, 2]); // 1 and 2, 3 and 4, 5 and 6
        let placed: Vec<_> = (0..8)
            .map(|group_id| replicas(&two_each, group_id, 3))
            .collect();
        assert_eq!(
            placed,
            [
                [1, 3, 5],
                [3, 5, 1],
                [5, 1, 3],
                [2, 4, 6],
                [4, 6, 2],
                [6, 2, 4],
                [1, 5, 3],
                [3, 1, 5],
            ]
            .map(Vec::from)
        );
        let one_more = replicas(&two_each, 0, 5);
        assert_eq!(one_more, [1, 3, 5, 2, 4], "the leader's rack comes last");
    }

    #[test]
    fn the_partitions_that_a_broker_leads_have_followers_on_all_brokers_of_other_racks() {
        let image = racks(&[2, 2, 2]);
        let mut beside: BTreeMap<i32, BTreeSet<i32>> = BTreeMap::new();
        for group_id in 0..24 {
            let placed = replicas(&image, group_id, 2);
            beside.entry(placed[0]).or_default().insert(placed[1]);
        }
        assert_eq!(beside[&1], [3, 4, 5, 6].into());
        assert!(beside.values().all(|followers| followers.len() == 4));
    }

    #[test]
    fn a_rack_without_a_broker_in_service_gets_replicas_but_never_a_leader() {
        let fenced_rack = image(&[
            Seat(Some("a"), true),
            Seat(Some("a"), true),
            Seat(Some("b"), false),
        ]);
        for group_id in 0..6 {
            let placed = replicas(&fenced_rack, group_id, 2);
            assert!(placed[0] != 3 && placed[1] == 3, "{placed:?}");
        }
    }

    /// Brokers in up to four racks and in none.
    fn seats() -> impl Strategy<Value = Vec<Seat>> {
        let rack = prop::sample::select(vec![None, Some("a"), Some("b"), Some("c"), Some("d")]);
        let seat = (rack, prop::bool::weighted(0.7)).prop_map(|(rack, up)| Seat(rack, up));
        prop::collection::vec(seat, 1..12)
    }

    proptest! {
        #[test]
        fn racks_get_replicas_in_turn_and_brokers_in_service_come_first(
            seats in seats(),
            group_id in 0..u64::from(u32::MAX),
            count in 1..6usize,
        ) {
            prop_assume!(count <= seats.len() && seats.iter().any(|Seat(_, up)| *up));
            let placed = replicas(&image(&seats), group_id, count);
            let seat = |id: i32| seats[id as usize - 1];
            prop_assert!(seat(placed[0]).1, "a fenced broker leads");
            let chosen: BTreeSet<i32> = placed.iter().copied().collect();
            prop_assert_eq!(chosen.len(), count);
            let mut used = BTreeMap::new();
            for (id, Seat(rack, up)) in (1..).zip(&seats) {
                let (taken, size, left_up, took_down) = used.entry(*rack).or_insert((0, 0, 0, 0));
                let is_chosen = chosen.contains(&id);
                *size += 1;
                *taken += i32::from(is_chosen);
                *left_up += i32::from(*up && !is_chosen);
                *took_down += i32::from(!*up && is_chosen);
            }
            let most = used.values().map(|(taken, ..)| *taken).max().unwrap();
            for (taken, size, left_up, took_down) in used.into_values() {
                prop_assert!(taken + 1 >= most || taken == size, "{placed:?}");
                prop_assert!(left_up == 0 || took_down == 0, "{placed:?}");
            }
        }

        #[test]
        fn equal_racks_share_leaders_and_replicas_equally_in_each_round(
            racks_count in 1..5usize,
            size in 1..4usize,
            round in 0..1000u64,
            count in 1..5usize,
        ) {
            let all = racks_count * size;
            prop_assume!(count <= all);
            let image = racks(&vec![size; racks_count]);
            let mut held: BTreeMap<i32, usize> = BTreeMap::new();
            let mut leaders = BTreeSet::new();
            let first = round * all as u64;
            for group_id in first..first + all as u64 {
                let placed = replicas(&image, group_id, count);
                leaders.insert(placed[0]);
                placed.into_iter().for_each(|id| *held.entry(id).or_default() += 1);
            }
            prop_assert_eq!(leaders.len(), all);
            prop_assert!(held.values().all(|held| *held == count), "{:?}", held);
        }

        #[test]
        fn replicas_differ_and_partitions_spread_evenly(
            active in 1..9usize,
            fenced in 0..3usize,
            first in 0..u64::from(u32::MAX),
            count in 1..5usize,
        ) {
            let image = brokers(active, fenced);
            prop_assume!(count <= active + fenced);
            let rounds = 2 * active as u64 * (active as u64).max(2);
            let mut leads: BTreeMap<i32, u64> = BTreeMap::new();
            for group_id in first..first + rounds {
                let placed = replicas(&image, group_id, count);
                let distinct: BTreeSet<_> = placed.iter().collect();
                prop_assert_eq!(distinct.len(), count);
                *leads.entry(placed[0]).or_default() += 1;
            }
            prop_assert_eq!(leads.len(), active);
            let (least, most) = (leads.values().min().unwrap(), leads.values().max().unwrap());
            prop_assert!(most - least <= 1);
        }
    }
}
