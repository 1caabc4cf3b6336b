//! The topics of one request, one after the other: what each one needs, and what it leaves for the
//! next.

use std::collections::{BTreeMap, BTreeSet};

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::TopicId;

use super::partition_plan::PartitionPlan;
use super::{CreatedTopic, CreationDefaults, NewTopic, Refused};
use crate::config::InvalidConfig;
use crate::image::{Configs, Image, ResourceType};
use crate::placement::Assignment;
use crate::record::{ConfigRecord, Record, TopicRecord};
use crate::topic_name::{CLUSTER_METADATA, TopicName};

/// The request so far.
pub(super) struct TopicPlan<'a> {
    image: &'a Image,
    defaults: &'a CreationDefaults,
    partitions: PartitionPlan<'a>,
    ids: BTreeSet<TopicId>,
}

impl<'a> TopicPlan<'a> {
    pub(super) fn new(image: &'a Image, defaults: &'a CreationDefaults) -> Self {
        let partitions = PartitionPlan::new(image, defaults.limits);
        Self {
            image,
            defaults,
            partitions,
            ids: BTreeSet::new(),
        }
    }

    /// Adds a topic to the request, or leaves the plan as it was.
    pub(super) fn create(&mut self, topic: &NewTopic) -> Result<CreatedTopic, Refused> {
        let name = self.check_name(&topic.name)?;
        let configs = self.check_configs(topic)?;
        let assignments = self.assign(topic)?;
        self.check_id(topic.id)?;
        self.partitions.check_total(assignments.len())?;
        let created = CreatedTopic {
            id: topic.id,
            num_partitions: i32::try_from(assignments.len()).expect("partitions are bounded"),
            replication_factor: replication_factor(&assignments),
            configs,
        };
        self.ids.insert(topic.id);
        let grows = topic.grows || topic.replication_factor == -1 && topic.assignments.is_empty();
        self.write(&name, &created, assignments, grows);
        Ok(created)
    }

    /// What the request writes, unless that is too much for one batch.
    pub(super) fn into_records(
        self,
        fits: impl Fn(&[Record]) -> bool,
    ) -> Result<Vec<Record>, Refused> {
        self.partitions.into_records(fits)
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
            -1 => self.defaults.factor(self.image.brokers().count()),
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
        let partitions = usize::try_from(partitions).expect("checked to be above 0");
        let replicas = usize::try_from(replicas).expect("checked to be above 0");
        self.partitions.place(partitions, replicas)
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
        let numbered = topic
            .assignments
            .iter()
            .map(|one| (one.partition, &one.replicas));
        let by_number: BTreeMap<_, _> = numbered.collect();
        let without_gaps = by_number
            .keys()
            .copied()
            .eq((0..).take(topic.assignments.len()));
        if !without_gaps {
            return Err(Refused::new(
                ErrorCode::InvalidReplicaAssignment,
                "the assigned partitions must be numbered from 0, each once, without gaps",
            ));
        }
        self.partitions
            .place_as_asked(0, by_number.into_values(), None)
    }

    fn write(
        &mut self,
        name: &TopicName,
        created: &CreatedTopic,
        assignments: Vec<Assignment>,
        grows: bool,
    ) {
        let (name, topic_id) = (name.as_str(), created.id);
        self.partitions.write(Record::Topic(TopicRecord {
            name: name.to_owned(),
            topic_id,
        }));
        for (key, value) in &created.configs {
            self.partitions.write(Record::Config(ConfigRecord {
                resource_type: ResourceType::Topic.code(),
                resource_name: name.to_owned(),
                name: key.clone(),
                value: Some(value.clone()),
            }));
        }
        self.partitions.add(topic_id, 0, assignments, grows);
    }
}

fn replication_factor(assignments: &[Assignment]) -> i16 {
    let replicas = assignments.first().map_or(0, |first| first.replicas.len());
    i16::try_from(replicas).unwrap_or(i16::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::operations::CreateTopics;
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
            assert!(partition.seats().eq(partition.founders.iter().copied()));
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
            replication_factor: Some(2),
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
}
