//! Adding partitions to topics: each topic grows as asked or not at all, all in one batch.

use std::sync::Arc;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::NodeId;
use serde::{Deserialize, Serialize};

use super::names::{self, Occurrence, Repeated};
use super::partition_plan::{PartitionPlan, too_large};
use super::{CreationDefaults, Refused};
use crate::image::{Image, Topic};
use crate::record::Record;

/// Adds partitions, or says whether they could be added.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreatePartitions {
    /// The topics; a name given twice is refused.
    pub topics: Vec<NewPartitions>,
    /// Only says what would be; nothing is written.
    pub validate_only: bool,
    /// Where the bounds are.
    #[serde(skip)] // the broker that decides has its own
    pub defaults: Arc<CreationDefaults>,
}

/// How one topic is to grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPartitions {
    /// The topic.
    pub name: String,
    /// How many partitions it shall have in all.
    pub count: i32,
    /// Replicas of each new partition; `None` leaves the choice to the planner.
    pub assignments: Option<Vec<Vec<NodeId>>>,
}

/// What became of one topic of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionsOutcome {
    /// The topic.
    pub name: String,
    /// Whether it has grown.
    pub result: Result<(), Refused>,
}

impl CreatePartitions {
    /// The records, and what to say about each topic, in the order of the request. `fits` says
    /// whether records are few enough for one batch.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> (Vec<Record>, Vec<PartitionsOutcome>) {
        let limits = self.defaults.limits;
        let too_many = self.partitions_asked(image) > limits.partitions_per_request_max;
        let mut plan = PartitionPlan::new(image, limits);
        let mut repeated = Repeated::of(self.topics.iter().map(|topic| topic.name.as_str()));
        let mut outcomes = Vec::new();
        for topic in &self.topics {
            let result = match repeated.first(&topic.name.as_str()) {
                None => continue,
                Some(_) if too_many => Err(too_large("too many new partitions in one request")),
                Some(Occurrence::Repeated) => Err(names::refused()),
                Some(Occurrence::Single) => grow(&mut plan, image, topic),
            };
            let name = topic.name.clone();
            outcomes.push(PartitionsOutcome { name, result });
        }
        match plan.into_records(fits) {
            Ok(_) if self.validate_only => (Vec::new(), outcomes),
            Ok(records) => (records, outcomes),
            Err(refused) => {
                let refuse = |one| PartitionsOutcome {
                    result: Err(refused.clone()),
                    ..one
                };
                (Vec::new(), outcomes.into_iter().map(refuse).collect())
            }
        }
    }

    /// Partitions to add over all topics, so that the bound is checked before any work.
    fn partitions_asked(&self, image: &Image) -> usize {
        let asked = self.topics.iter().filter_map(|asked| {
            let known = image.topic(&asked.name)?.partitions.len();
            usize::try_from(asked.count).ok()?.checked_sub(known)
        });
        asked.fold(0, usize::saturating_add)
    }
}

/// Adds one topic's new partitions to the request, or leaves the plan as it was.
fn grow(plan: &mut PartitionPlan<'_>, image: &Image, asked: &NewPartitions) -> Result<(), Refused> {
    let topic = image
        .topic(&asked.name)
        .ok_or_else(|| Refused::plain(ErrorCode::UnknownTopicOrPartition))?;
    let additional = additional(topic, asked.count)?;
    let first = i32::try_from(topic.partitions.len()).expect("partitions are counted in i32");
    let factor = topic.replication_factor();
    let assignments = match &asked.assignments {
        None => plan.place(additional, factor)?,
        Some(assignments) if assignments.len() == additional => {
            plan.place_as_asked(first, assignments, Some(factor))?
        }
        Some(assignments) => {
            let assigned = assignments.len();
            return Err(Refused::new(
                ErrorCode::InvalidReplicaAssignment,
                format!("{additional} partition(s) are to be added, but {assigned} are assigned"),
            ));
        }
    };
    plan.check_total(additional)?;
    let grows = topic.partitions.iter().any(|partition| partition.grows);
    plan.add(topic.id, first, assignments, grows);
    Ok(())
}

/// How many partitions the topic lacks.
fn additional(topic: &Topic, count: i32) -> Result<usize, Refused> {
    let known = topic.partitions.len();
    match usize::try_from(count)
        .ok()
        .and_then(|count| count.checked_sub(known))
    {
        Some(0) => Err(Refused::new(
            ErrorCode::InvalidPartitions,
            format!("topic '{}' already has {known} partition(s)", topic.name),
        )),
        Some(additional) => Ok(additional),
        None => Err(Refused::new(
            ErrorCode::InvalidPartitions,
            format!(
                "topic '{}' has {known} partition(s), {count} would not be more",
                topic.name
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata, Reply};
    use crate::operations::RegisterBroker;
    use crate::testing::*;

    fn ask(
        rig: &mut Rig<Metadata>,
        topics: Vec<NewPartitions>,
        validate_only: bool,
    ) -> Vec<PartitionsOutcome> {
        let defaults = Arc::new(CreationDefaults::default());
        let request = CreatePartitions {
            topics,
            validate_only,
            defaults,
        };
        match rig.ask(Input::CreatePartitions(request)) {
            Reply::CreatePartitions(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }

    fn grow(name: &str, count: i32, assignments: Option<&[&[i32]]>) -> NewPartitions {
        let assignments = assignments.map(|all| {
            all.iter()
                .map(|one| one.iter().copied().map(NodeId).collect())
                .collect()
        });
        NewPartitions {
            name: name.into(),
            count,
            assignments,
        }
    }

    fn ask_one(rig: &mut Rig<Metadata>, topic: NewPartitions) -> Result<(), Refused> {
        ask(rig, vec![topic], false).remove(0).result
    }

    #[test]
    fn a_topic_grows_to_the_count_with_as_many_replicas_as_before() {
        let mut rig = cluster(3);
        create_one(&mut rig, new_topic("t", 1, 2)).unwrap();
        ask_one(&mut rig, grow("t", 4, None)).unwrap();
        let topic = rig.hard().topic("t").unwrap();
        assert_eq!(topic.partitions.len(), 4);
        assert!(topic.partitions.iter().all(|one| one.founders.len() == 2));
        ask_one(&mut rig, grow("t", 5, Some(&[&[3, 1]]))).unwrap();
        let last = &rig.hard().topic("t").unwrap().partitions[4];
        assert_eq!(last.replicas, [NodeId(3), NodeId(1)]);
        assert_eq!(rig.hard().partition_count(), 5);
    }

    #[test]
    fn new_partitions_spread_over_the_racks_as_the_first_did() {
        let mut rig = cluster(0);
        for (id, rack) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c"), (6, "c")] {
            let registration = RegisterBroker {
                rack: Some(rack.into()),
                ..registration(id)
            };
            rig.ask(Input::RegisterBroker(registration));
        }
        create_one(&mut rig, new_topic("t", 5, 3)).unwrap();
        ask_one(&mut rig, grow("t", 12, None)).unwrap();
        let rack = |id: &NodeId| rig.hard().broker(*id).unwrap().rack.clone();
        let topic = rig.hard().topic("t").unwrap();
        for partition in &topic.partitions {
            let racks: BTreeSet<_> = partition.replicas.iter().map(rack).collect();
            assert_eq!(racks.len(), 3, "{partition:?}");
        }
        let leaders = topic.partitions.iter().map(|one| one.replicas[0]);
        let leaders: BTreeSet<_> = leaders.collect();
        assert_eq!(leaders.len(), 6);
    }

    #[test]
    fn what_would_not_be_growth_is_refused() {
        let mut rig = cluster(2);
        create_one(&mut rig, new_topic("t", 2, 1)).unwrap();
        for (topic, code) in [
            (grow("nope", 3, None), ErrorCode::UnknownTopicOrPartition),
            (grow("t", 2, None), ErrorCode::InvalidPartitions),
            (grow("t", 1, None), ErrorCode::InvalidPartitions),
            (grow("t", -1, None), ErrorCode::InvalidPartitions),
            (
                grow("t", 4, Some(&[&[1]])),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (grow("t", 3, Some(&[])), ErrorCode::InvalidReplicaAssignment),
            (
                grow("t", 3, Some(&[&[9]])),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (
                grow("t", 3, Some(&[&[1, 1]])),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (
                grow("t", 3, Some(&[&[1, 2]])),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (
                grow("t", 3, Some(&[&[]])),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (grow("t", 20_000, None), ErrorCode::PolicyViolation),
        ] {
            assert_refused(ask_one(&mut rig, topic), code);
        }
        assert_eq!(rig.hard().topic("t").unwrap().partitions.len(), 2);
    }

    #[test]
    fn a_repeated_name_is_refused_once_and_validating_writes_nothing() {
        let mut rig = cluster(1);
        for name in ["a", "b"] {
            create_one(&mut rig, new_topic(name, 1, 1)).unwrap();
        }
        let before = rig.records().len();
        let outcomes = ask(&mut rig, vec![grow("a", 2, None)], true);
        assert!(outcomes[0].result.is_ok() && rig.records().len() == before);
        let topics = vec![grow("a", 2, None), grow("b", 3, None), grow("a", 4, None)];
        let outcomes = ask(&mut rig, topics, false);
        assert_eq!(outcomes.len(), 2);
        assert_refused(outcomes[0].result.clone(), ErrorCode::InvalidRequest);
        assert!(outcomes[1].result.is_ok());
        assert_eq!(rig.hard().topic("a").unwrap().partitions.len(), 1);
    }
}
