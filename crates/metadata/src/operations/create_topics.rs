//! Creating topics: each one is created whole or refused, all in one batch.

use std::sync::Arc;

use ottla_protocol::types::{NodeId, TopicId};
use serde::{Deserialize, Serialize};

use super::names::{Occurrence, Repeated};
use super::partition_plan::too_large;
use super::topic_plan::TopicPlan;
use super::{CreationDefaults, Refused, names};
use crate::image::{Configs, Image};
use crate::record::Record;

/// Creates topics, or says what creating them would give.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateTopics {
    /// The topics; a name given twice is refused.
    pub topics: Vec<NewTopic>,
    /// Only says what would be; nothing is written.
    pub validate_only: bool,
    /// What the topics get where they do not say.
    #[serde(skip)] // the broker that decides has its own
    pub defaults: Arc<CreationDefaults>,
}

/// One topic to create.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// The identity that it gets: random, chosen by the caller.
    pub id: TopicId,
    /// How many partitions; -1 for the default or where they are assigned.
    pub num_partitions: i32,
    /// How many replicas each; -1 for the default or where they are assigned.
    pub replication_factor: i16,
    /// Replicas of each partition; empty leaves the choice to the planner.
    pub assignments: Vec<NewTopicAssignment>,
    /// Whether it is to have more replicas as brokers come, although it says how many.
    pub grows: bool,
    /// Configurations to override; of a key given twice the last value counts.
    pub configs: Vec<(String, Option<String>)>,
}

/// The replicas of one partition, as a request places them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopicAssignment {
    /// The partition's number.
    pub partition: i32,
    /// Who holds a replica, the preferred leader first.
    pub replicas: Vec<NodeId>,
}

/// What became of one topic of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicOutcome {
    /// Its name.
    pub name: String,
    /// The topic, or why there is none.
    pub result: Result<CreatedTopic, Refused>,
}

/// A topic as it was created, or would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedTopic {
    /// Its identity.
    pub id: TopicId,
    /// How many partitions it has.
    pub num_partitions: i32,
    /// How many replicas each has.
    pub replication_factor: i16,
    /// What it overrides.
    pub configs: Configs,
}

impl CreateTopics {
    /// The records, and what to say about each topic, in the order of the request. `fits` says
    /// whether records are few enough for one batch.
    pub(crate) fn decide(
        self,
        image: &Image,
        fits: impl Fn(&[Record]) -> bool,
    ) -> (Vec<Record>, Vec<TopicOutcome>) {
        let mut plan = TopicPlan::new(image, &self.defaults);
        let partitions_max = self.defaults.limits.partitions_per_request_max;
        let too_many = self.partitions_asked() > partitions_max;
        let mut repeated = Repeated::of(self.topics.iter().map(|topic| topic.name.as_str()));
        let mut outcomes = Vec::new();
        for topic in &self.topics {
            let result = match repeated.first(&topic.name.as_str()) {
                None => continue,
                Some(_) if too_many => Err(too_large("too many partitions in one request")),
                Some(Occurrence::Repeated) => Err(names::refused()),
                Some(Occurrence::Single) => plan.create(topic),
            };
            let name = topic.name.clone();
            outcomes.push(TopicOutcome { name, result });
        }
        match plan.into_records(fits) {
            Ok(_) if self.validate_only => (Vec::new(), outcomes),
            Ok(records) => (records, outcomes),
            Err(refused) => {
                let refuse = |one: TopicOutcome| TopicOutcome {
                    result: Err(refused.clone()),
                    ..one
                };
                (Vec::new(), outcomes.into_iter().map(refuse).collect())
            }
        }
    }

    /// Partitions over all topics, valid or not, so that the bound is checked before any work.
    fn partitions_asked(&self) -> usize {
        let asked = self.topics.iter().map(|topic| match topic.num_partitions {
            _ if !topic.assignments.is_empty() => topic.assignments.len(),
            -1 => usize::try_from(self.defaults.partitions).unwrap_or(0),
            count => usize::try_from(count).unwrap_or(0),
        });
        asked.fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use ottla_protocol::error::ErrorCode;
    use ottla_statemachine::rig::Rig;

    use super::*;
    use crate::machine::{Input, Metadata};
    use crate::operations::{DeleteTopics, TopicLimits, TopicReference};
    use crate::testing::*;

    #[test]
    fn one_bad_topic_does_not_stop_the_others_and_a_repeated_name_is_refused_once() {
        let mut rig = cluster(1);
        let names = ["a", "b", "bad name", "b", "c"];
        let topics = names.iter().map(|name| new_topic(name, 1, 1)).collect();
        let outcomes = ask_create(&mut rig, create(topics));
        let told: Vec<_> = outcomes
            .iter()
            .map(|outcome| {
                (
                    outcome.name.as_str(),
                    outcome.result.as_ref().err().map(|e| e.code),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("a", None),
                ("b", Some(ErrorCode::InvalidRequest)),
                ("bad name", Some(ErrorCode::InvalidTopicException)),
                ("c", None)
            ]
        );
        assert_eq!(
            rig.hard()
                .topics()
                .map(|topic| &*topic.name)
                .collect::<Vec<_>>(),
            ["a", "c"]
        );
    }

    #[test]
    fn validating_says_the_same_and_writes_nothing() {
        let mut rig = cluster(1);
        let before = rig.records().len();
        let topics = vec![new_topic("a", 3, 1), new_topic("b", 3, 9)];
        let request = CreateTopics {
            validate_only: true,
            ..create(topics)
        };
        let outcomes = ask_create(&mut rig, request);
        assert_eq!(outcomes[0].result.as_ref().unwrap().num_partitions, 3);
        assert_refused(
            outcomes[1].result.clone(),
            ErrorCode::InvalidReplicationFactor,
        );
        assert_eq!(rig.records().len(), before);
    }

    #[test]
    fn a_request_for_too_much_is_refused_as_a_whole() {
        let mut rig = cluster(1);
        let before = rig.records().len();
        for topics in [
            vec![new_topic("a", 10_000, 1), new_topic("b", 1, 1)],
            vec![new_topic("a", 9_999, 1), new_topic("b", 1, 1)],
            vec![new_topic("a", i32::MAX, 1), new_topic("b", i32::MAX, 1)],
        ] {
            for outcome in ask_create(&mut rig, create(topics)) {
                assert_refused(outcome.result, ErrorCode::PolicyViolation);
            }
        }
        assert_eq!(rig.records().len(), before);
        create_one(&mut rig, new_topic("a", 9_999, 1)).unwrap();
    }

    #[test]
    fn the_cluster_holds_no_more_partitions_than_its_limit() {
        let mut rig = cluster(1);
        let limits = TopicLimits {
            partitions_total_max: 5,
            ..TopicLimits::default()
        };
        let topics = vec![
            new_topic("a", 3, 1),
            new_topic("b", 3, 1),
            new_topic("c", 2, 1),
        ];
        let outcomes = ask_create(&mut rig, limited(topics, limits));
        assert!(outcomes[0].result.is_ok() && outcomes[2].result.is_ok());
        assert_refused(outcomes[1].result.clone(), ErrorCode::PolicyViolation);
        assert_eq!(rig.hard().partition_count(), 5);
    }

    #[test]
    fn group_ids_are_never_used_again() {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("a", 2, 1)).unwrap();
        let first: Vec<_> = group_ids(&rig);
        rig.ask(Input::DeleteTopics(DeleteTopics {
            topics: vec![TopicReference::named("a")],
            enabled: true,
        }));
        create_one(&mut rig, new_topic("a", 2, 1)).unwrap();
        let second = group_ids(&rig);
        assert_eq!((first, second), (vec![1, 2], vec![3, 4]));
    }

    fn limited(topics: Vec<NewTopic>, limits: TopicLimits) -> CreateTopics {
        let defaults = Arc::new(CreationDefaults {
            limits,
            ..CreationDefaults::default()
        });
        CreateTopics {
            topics,
            validate_only: false,
            defaults,
        }
    }

    fn group_ids(rig: &Rig<Metadata>) -> Vec<u64> {
        let topic = rig.hard().topic("a").unwrap();
        topic
            .partitions
            .iter()
            .map(|partition| partition.group_id)
            .collect()
    }
}
