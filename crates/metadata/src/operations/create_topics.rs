//! Creating topics: each one is created whole or refused, all in one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::{NodeId, TopicId};

use super::names::{Occurrence, Repeated};
use super::{CreationDefaults, Refused, manual_assignment};
use crate::config::InvalidConfig;
use crate::image::{Configs, Image, ResourceType};
use crate::placement::{Assignment, Placement};
use crate::record::{ConfigRecord, PartitionRecord, Record, TopicRecord};
use crate::topic_name::{CLUSTER_METADATA, TopicName};

/// Creates topics, or says what creating them would give.
#[derive(Clone, Debug)]
pub struct CreateTopics {
    /// The topics; a name given twice is refused.
    pub topics: Vec<NewTopic>,
    /// Only says what would be; nothing is written.
    pub validate_only: bool,
    /// What the topics get where they do not say.
    pub defaults: Arc<CreationDefaults>,
}

/// One topic to create.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Configurations to override; of a key given twice the last value counts.
    pub configs: Vec<(String, Option<String>)>,
}

/// The replicas of one partition, as a request places them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopicAssignment {
    /// The partition's number.
    pub partition: i32,
    /// Who holds a replica, the preferred leader first.
    pub replicas: Vec<NodeId>,
}

/// What became of one topic of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicOutcome {
    /// Its name.
    pub name: String,
    /// The topic, or why there is none.
    pub result: Result<CreatedTopic, Refused>,
}

/// A topic as it was created, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        let limits = self.defaults.limits;
        let mut plan = Plan::new(image, &self.defaults);
        let too_many = self.partitions_asked() > limits.partitions_per_request_max;
        let mut repeated = Repeated::of(self.topics.iter().map(|topic| topic.name.as_str()));
        let mut outcomes = Vec::new();
        for topic in &self.topics {
            let result = match repeated.first(&topic.name.as_str()) {
                None => continue,
                Some(_) if too_many => Err(too_large("too many partitions in one request")),
                Some(Occurrence::Repeated) => Err(repeated_name()),
                Some(Occurrence::Single) => plan.create(topic),
            };
            outcomes.push(TopicOutcome {
                name: topic.name.clone(),
                result,
            });
        }
        let mut records = plan.records;
        if records.len() > limits.records_per_request_max || !fits(&records) {
            records.clear();
            for outcome in &mut outcomes {
                outcome.result = Err(too_large("the request asks for too much at once"));
            }
        }
        if self.validate_only {
            records.clear();
        }
        (records, outcomes)
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

/// The request so far: what it will write, and what that leaves for the next topic.
struct Plan<'a> {
    image: &'a Image,
    placement: Placement<'a>,
    defaults: &'a CreationDefaults,
    ids: BTreeSet<TopicId>,
    next_group_id: u64,
    partitions: usize,
    records: Vec<Record>,
}

impl<'a> Plan<'a> {
    fn new(image: &'a Image, defaults: &'a CreationDefaults) -> Self {
        Self {
            image,
            placement: Placement::new(image),
            defaults,
            ids: BTreeSet::new(),
            next_group_id: image.next_group_id(),
            partitions: image.partition_count(),
            records: Vec::new(),
        }
    }

    fn create(&mut self, topic: &NewTopic) -> Result<CreatedTopic, Refused> {
        let name = self.check_name(&topic.name)?;
        let configs = self.check_configs(topic)?;
        let assignments = self.assign(topic)?;
        self.check_id(topic.id)?;
        let total = self.partitions.saturating_add(assignments.len());
        if total > self.defaults.limits.partitions_total_max {
            return Err(too_large("the cluster cannot hold more partitions"));
        }
        let created = CreatedTopic {
            id: topic.id,
            num_partitions: count(assignments.len()),
            replication_factor: replication_factor(&assignments),
            configs,
        };
        self.partitions = total;
        self.ids.insert(topic.id);
        self.write(&name, &created, assignments);
        Ok(created)
    }

    fn check_name(&self, name: &str) -> Result<TopicName, Refused> {
        if name == CLUSTER_METADATA {
            return Err(Refused::new(
                ErrorCode::InvalidRequest,
                format!("the topic {CLUSTER_METADATA} cannot be created"),
            ));
        }
        let checked = TopicName::parse(name)?;
        if self.image.topic(name).is_some() {
            return Err(Refused::new(
                ErrorCode::TopicAlreadyExists,
                format!("topic '{name}' already exists"),
            ));
        }
        if let Some(other) = self.image.colliding_topic(name) {
            return Err(Refused::new(
                ErrorCode::InvalidTopicException,
                format!("topic '{name}' collides with the existing topic '{other}'"),
            ));
        }
        Ok(checked)
    }

    fn check_configs(&self, topic: &NewTopic) -> Result<Configs, Refused> {
        let nulls = topic.configs.iter().filter(|(_, value)| value.is_none());
        let keys: Vec<String> = nulls.map(|(key, _)| key.clone()).collect();
        if !keys.is_empty() {
            return Err(InvalidConfig::Null { keys }.into());
        }
        let given = topic.configs.iter().cloned();
        let configs: Configs = given
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        if !configs.is_empty() {
            self.defaults.configs.validate(&configs)?;
        }
        Ok(configs)
    }

    fn check_id(&self, id: TopicId) -> Result<(), Refused> {
        if id.is_zero() || self.ids.contains(&id) || self.image.topic_by_id(id).is_some() {
            return Err(Refused::new(
                ErrorCode::UnknownServerError,
                format!("the topic id {id} is taken"),
            ));
        }
        Ok(())
    }

    fn assign(&self, topic: &NewTopic) -> Result<Vec<Assignment>, Refused> {
        if !topic.assignments.is_empty() {
            return self.assign_as_asked(topic);
        }
        let replicas = match topic.replication_factor {
            -1 => self.defaults.replication_factor,
            given => given,
        };
        let partitions = match topic.num_partitions {
            -1 => self.defaults.partitions,
            given => given,
        };
        if replicas < 1 {
            return Err(Refused::new(
                ErrorCode::InvalidReplicationFactor,
                "the replication factor must be above 0, or -1 for the default",
            ));
        }
        if partitions < 1 {
            return Err(Refused::new(
                ErrorCode::InvalidPartitions,
                "the number of partitions must be above 0, or -1 for the default",
            ));
        }
        let replicas = usize::try_from(replicas).expect("checked to be above 0");
        (self.next_group_id..)
            .take(usize::try_from(partitions).expect("checked to be above 0"))
            .map(|group_id| Ok(self.placement.assign(group_id, replicas)?))
            .collect()
    }

    fn assign_as_asked(&self, topic: &NewTopic) -> Result<Vec<Assignment>, Refused> {
        for (given, what) in [
            (i32::from(topic.replication_factor), "replication factor"),
            (topic.num_partitions, "number of partitions"),
        ] {
            if given != -1 {
                return Err(Refused::new(
                    ErrorCode::InvalidRequest,
                    format!("with assigned partitions the {what} must be -1"),
                ));
            }
        }
        let mut by_number = BTreeMap::new();
        for assignment in &topic.assignments {
            if by_number
                .insert(assignment.partition, &assignment.replicas)
                .is_some()
            {
                return Err(invalid_assignment(format!(
                    "partition {} is assigned more than once",
                    assignment.partition
                )));
            }
        }
        if by_number
            .keys()
            .zip(0..)
            .any(|(number, expected)| *number != expected)
        {
            return Err(invalid_assignment(
                "the assigned partitions must be numbered from 0 without gaps".to_owned(),
            ));
        }
        let mut factor = None;
        by_number
            .into_iter()
            .zip(self.next_group_id..)
            .map(|((number, replicas), group_id)| {
                let expected = factor.replace(replicas.len());
                manual_assignment::assign(self.image, replicas, expected, number, group_id)
            })
            .collect()
    }

    fn write(&mut self, name: &TopicName, created: &CreatedTopic, assignments: Vec<Assignment>) {
        self.records.push(Record::Topic(TopicRecord {
            name: name.as_str().to_owned(),
            topic_id: created.id,
        }));
        self.records
            .extend(created.configs.iter().map(|(key, value)| {
                Record::Config(ConfigRecord {
                    resource_type: ResourceType::Topic.code(),
                    resource_name: name.as_str().to_owned(),
                    name: key.clone(),
                    value: Some(value.clone()),
                })
            }));
        for (assignment, partition) in assignments.into_iter().zip(0..) {
            self.records.push(partition_record(
                created.id,
                partition,
                self.next_group_id,
                assignment,
            ));
            self.next_group_id += 1;
        }
    }
}

/// The birth of a partition.
pub(super) fn partition_record(
    topic_id: TopicId,
    partition: i32,
    group_id: u64,
    assignment: Assignment,
) -> Record {
    let Assignment {
        replicas,
        directories,
    } = assignment;
    let birth = true;
    Record::Partition(PartitionRecord {
        partition,
        topic_id,
        replicas,
        directories,
        group_id,
        birth,
    })
}

pub(super) fn repeated_name() -> Refused {
    Refused::new(
        ErrorCode::InvalidRequest,
        "duplicate topic name in one request",
    )
}

pub(super) fn too_large(message: &str) -> Refused {
    Refused::new(ErrorCode::PolicyViolation, message)
}

fn invalid_assignment(message: String) -> Refused {
    Refused::new(ErrorCode::InvalidReplicaAssignment, message)
}

fn count(items: usize) -> i32 {
    i32::try_from(items).expect("a request's partitions are bounded")
}

fn replication_factor(assignments: &[Assignment]) -> i16 {
    let replicas = assignments.first().map_or(0, |first| first.replicas.len());
    i16::try_from(replicas).unwrap_or(i16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::{FenceBroker, TopicLimits};
    use crate::testing::*;

    fn with_configs(name: &str, configs: &[(&str, Option<&str>)]) -> NewTopic {
        let configs = configs
            .iter()
            .map(|(key, value)| ((*key).into(), value.map(Into::into)));
        NewTopic {
            configs: configs.collect(),
            ..new_topic(name, 1, 1)
        }
    }

    fn assigned(name: &str, assignments: &[(i32, &[i32])]) -> NewTopic {
        let assignments = assignments
            .iter()
            .map(|(partition, replicas)| NewTopicAssignment {
                partition: *partition,
                replicas: replicas.iter().copied().map(NodeId).collect(),
            });
        NewTopic {
            assignments: assignments.collect(),
            ..new_topic(name, -1, -1)
        }
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

    #[test]
    fn a_created_topic_has_its_partitions_replicas_directories_and_configs() {
        let mut rig = cluster(3);
        let topic = NewTopic {
            configs: vec![("retention.ms".into(), Some(" 5 ".into()))],
            ..new_topic("orders", 2, 3)
        };
        let created = create_one(&mut rig, topic.clone()).unwrap();
        assert_eq!((created.num_partitions, created.replication_factor), (2, 3));
        let known = rig.hard().topic("orders").unwrap();
        assert_eq!(known.id, topic.id);
        assert_eq!(known.configs["retention.ms"], " 5 ");
        assert_eq!(known.partitions.len(), 2);
        for partition in &known.partitions {
            assert!(partition.birth);
            let expected: Vec<_> = partition
                .replicas
                .iter()
                .map(|id| directory(id.0))
                .collect();
            assert_eq!(partition.directories, expected);
        }
        assert_ne!(known.partitions[0].group_id, known.partitions[1].group_id);
        assert_eq!(rig.hard().partition_count(), 2);
    }

    #[test]
    fn minus_one_takes_the_defaults() {
        let mut rig = cluster(3);
        let defaults = CreationDefaults {
            partitions: 4,
            replication_factor: 2,
            ..CreationDefaults::default()
        };
        let request = CreateTopics {
            topics: vec![new_topic("t", -1, -1)],
            validate_only: false,
            defaults: Arc::new(defaults),
        };
        let created = ask_create(&mut rig, request).remove(0).result.unwrap();
        assert_eq!((created.num_partitions, created.replication_factor), (4, 2));
    }

    #[test]
    fn names_are_checked_by_kafkas_rules() {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("my.topic", 1, 1)).unwrap();
        for (name, code) in [
            ("", ErrorCode::InvalidTopicException),
            ("..", ErrorCode::InvalidTopicException),
            ("a b", ErrorCode::InvalidTopicException),
            ("my_topic", ErrorCode::InvalidTopicException),
            ("my.topic", ErrorCode::TopicAlreadyExists),
            ("__cluster_metadata", ErrorCode::InvalidRequest),
        ] {
            assert_refused(create_one(&mut rig, new_topic(name, 1, 1)), code);
        }
        for name in ["my-topic", "__consumer_offsets", "mytopic"] {
            create_one(&mut rig, new_topic(name, 1, 1)).unwrap();
        }
    }

    #[test]
    fn counts_must_be_positive_or_minus_one() {
        let mut rig = cluster(1);
        for (partitions, factor, code) in [
            (0, 1, ErrorCode::InvalidPartitions),
            (-2, 1, ErrorCode::InvalidPartitions),
            (1, 0, ErrorCode::InvalidReplicationFactor),
            (1, -2, ErrorCode::InvalidReplicationFactor),
            (1, 2, ErrorCode::InvalidReplicationFactor),
            (0, 0, ErrorCode::InvalidReplicationFactor),
        ] {
            assert_refused(
                create_one(&mut rig, new_topic("t", partitions, factor)),
                code,
            );
        }
    }

    #[test]
    fn assigned_replicas_are_taken_as_they_are() {
        let mut rig = cluster(3);
        let topic = assigned("t", &[(1, &[3, 1]), (0, &[2, 3])]);
        let created = create_one(&mut rig, topic).unwrap();
        assert_eq!((created.num_partitions, created.replication_factor), (2, 2));
        let partitions = &rig.hard().topic("t").unwrap().partitions;
        assert_eq!(partitions[0].replicas, [NodeId(2), NodeId(3)]);
        assert_eq!(partitions[1].replicas, [NodeId(3), NodeId(1)]);
        assert_eq!(partitions[1].directories, [directory(3), directory(1)]);
    }

    #[test]
    fn assigned_replicas_must_make_sense() {
        let mut rig = cluster(2);
        for assignments in [
            &[(1, &[1][..])][..],
            &[(-1, &[1])],
            &[(0, &[7])],
            &[(0, &[1, 1])],
            &[(0, &[])],
            &[(0, &[1]), (1, &[1, 2])],
            &[(0, &[1]), (0, &[2])],
        ] {
            let refused = create_one(&mut rig, assigned("t", assignments));
            assert_refused(refused, ErrorCode::InvalidReplicaAssignment);
        }
        let both = NewTopic {
            num_partitions: 1,
            ..assigned("t", &[(0, &[1])])
        };
        assert_refused(create_one(&mut rig, both), ErrorCode::InvalidRequest);
        let both = NewTopic {
            replication_factor: 1,
            ..assigned("t", &[(0, &[1])])
        };
        assert_refused(create_one(&mut rig, both), ErrorCode::InvalidRequest);
    }

    #[test]
    fn fenced_brokers_neither_lead_nor_suffice() {
        let mut rig = cluster(2);
        for id in [1, 2] {
            let broker_epoch = rig.hard().broker(NodeId(id)).unwrap().epoch;
            let broker = NodeId(id);
            rig.ask(Input::FenceBroker(FenceBroker {
                broker,
                broker_epoch,
                fenced: true,
            }));
            if id == 1 {
                create_one(&mut rig, new_topic("wide", 4, 2)).unwrap();
                let wide = rig.hard().topic("wide").unwrap();
                assert!(
                    wide.partitions
                        .iter()
                        .all(|one| one.replicas[0] == NodeId(2))
                );
                create_one(&mut rig, assigned("mixed", &[(0, &[1, 2])])).unwrap();
            }
        }
        let refused = create_one(&mut rig, new_topic("t", 1, 1));
        assert_refused(refused, ErrorCode::InvalidReplicationFactor);
        let refused = create_one(&mut rig, assigned("t", &[(0, &[1, 2])]));
        assert_refused(refused, ErrorCode::InvalidReplicaAssignment);
    }

    #[test]
    fn configs_are_checked_before_counts() {
        let mut rig = cluster(1);
        for configs in [
            &[("foo", Some("bar"))][..],
            &[("retention.ms", Some("x"))],
            &[("retention.ms", None), ("segment.bytes", Some("1"))],
            &[("remote.storage.enable", Some("true"))],
            &[
                ("min.compaction.lag.ms", Some("10")),
                ("max.compaction.lag.ms", Some("5")),
            ],
        ] {
            let topic = NewTopic {
                num_partitions: 0,
                ..with_configs("t", configs)
            };
            assert_refused(create_one(&mut rig, topic), ErrorCode::InvalidConfig);
        }
        let twice = with_configs("t", &[("flush.ms", Some("1")), ("flush.ms", Some("2"))]);
        assert_eq!(
            create_one(&mut rig, twice).unwrap().configs["flush.ms"],
            "2"
        );
    }

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
    fn an_identity_is_never_given_twice() {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("a", 1, 1)).unwrap();
        let taken = new_topic("a", 1, 1).id;
        for id in [taken, TopicId::ZERO] {
            let refused = create_one(
                &mut rig,
                NewTopic {
                    id,
                    ..new_topic("b", 1, 1)
                },
            );
            assert_refused(refused, ErrorCode::UnknownServerError);
        }
        let id = topic_id(9);
        let twins = ["x", "y"].map(|name| NewTopic {
            id,
            ..new_topic(name, 1, 1)
        });
        let outcomes = ask_create(&mut rig, create(twins.into()));
        assert!(outcomes[0].result.is_ok() && outcomes[1].result.is_err());
    }

    #[test]
    fn group_ids_are_never_used_again() {
        let mut rig = cluster(1);
        create_one(&mut rig, new_topic("a", 2, 1)).unwrap();
        let first: Vec<_> = group_ids(&rig);
        rig.ask(Input::DeleteTopics(crate::operations::DeleteTopics {
            topics: vec![crate::operations::TopicReference::named("a")],
            enabled: true,
        }));
        create_one(&mut rig, new_topic("a", 2, 1)).unwrap();
        let second = group_ids(&rig);
        assert_eq!((first, second), (vec![1, 2], vec![3, 4]));
    }

    fn group_ids(rig: &ottla_statemachine::rig::Rig<crate::machine::Metadata>) -> Vec<u64> {
        let topic = rig.hard().topic("a").unwrap();
        topic
            .partitions
            .iter()
            .map(|partition| partition.group_id)
            .collect()
    }
}
