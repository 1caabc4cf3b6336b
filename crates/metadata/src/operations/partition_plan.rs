//! The new partitions of one request: their replicas, their Raft groups, their records.

use std::collections::BTreeSet;

use ottla_protocol::error::ErrorCode;
use ottla_protocol::types::{NodeId, TopicId};

use super::{Refused, TopicLimits};
use crate::image::{Image, Partition};
use crate::placement::{Assignment, Placement, directory_for};
use crate::record::{PartitionRecord, Record};

/// The request so far: what it writes, and what that leaves for the next partition.
pub(super) struct PartitionPlan<'a> {
    image: &'a Image,
    placement: Placement<'a>,
    limits: TopicLimits,
    next_group_id: u64,
    total: usize,
    records: Vec<Record>,
}

impl<'a> PartitionPlan<'a> {
    pub(super) fn new(image: &'a Image, limits: TopicLimits) -> Self {
        Self {
            image,
            placement: Placement::new(image),
            limits,
            next_group_id: image.next_group_id(),
            total: image.partition_count(),
            records: Vec::new(),
        }
    }

    /// Replicas for the next partitions, by the planner's choice.
    pub(super) fn place(
        &self,
        partitions: usize,
        replicas: usize,
    ) -> Result<Vec<Assignment>, Refused> {
        (self.next_group_id..)
            .take(partitions)
            .map(|group_id| Ok(self.placement.assign(group_id, replicas)?))
            .collect()
    }

    /// Replicas for the next partitions, from number `first` on, as the request wants them. All
    /// have as many as the topic's other partitions, `replication_factor` if there are any.
    pub(super) fn place_as_asked<'b>(
        &self,
        first: i32,
        asked: impl IntoIterator<Item = &'b Vec<NodeId>>,
        replication_factor: Option<usize>,
    ) -> Result<Vec<Assignment>, Refused> {
        let mut factor = replication_factor;
        asked
            .into_iter()
            .zip((first..).zip(self.next_group_id..))
            .map(|(replicas, (number, group_id))| {
                let expected = *factor.get_or_insert(replicas.len());
                self.check_asked(replicas, expected).map_err(|reason| {
                    let message = format!("partition {number} is assigned {reason}");
                    Refused::new(ErrorCode::InvalidReplicaAssignment, message)
                })?;
                let brokers = replicas.iter().filter_map(|id| self.image.broker(*id));
                let directories = brokers
                    .map(|broker| directory_for(broker, group_id))
                    .collect();
                Ok(Assignment {
                    replicas: replicas.clone(),
                    directories,
                })
            })
            .collect()
    }

    /// Says no if the cluster cannot hold so many partitions more.
    pub(super) fn check_total(&self, additional: usize) -> Result<(), Refused> {
        if self.total.saturating_add(additional) > self.limits.partitions_total_max {
            return Err(too_large("the cluster cannot hold more partitions"));
        }
        Ok(())
    }

    /// Writes a record before those of the partitions that follow.
    pub(super) fn write(&mut self, record: Record) {
        self.records.push(record);
    }

    /// Gives birth to partitions, from number `first` on.
    pub(super) fn add(
        &mut self,
        topic_id: TopicId,
        first: i32,
        assignments: Vec<Assignment>,
        grows: bool,
    ) {
        self.total = self.total.saturating_add(assignments.len());
        for (assignment, partition) in assignments.into_iter().zip(first..) {
            self.records.push(Record::Partition(PartitionRecord {
                partition,
                topic_id,
                state: Partition {
                    grows,
                    ..Partition::created(
                        assignment.replicas,
                        assignment.directories,
                        self.next_group_id,
                    )
                },
            }));
            self.next_group_id += 1;
        }
    }

    /// What the request writes, unless that is too much for one batch.
    pub(super) fn into_records(
        self,
        fits: impl Fn(&[Record]) -> bool,
    ) -> Result<Vec<Record>, Refused> {
        if self.records.len() > self.limits.records_per_request_max || !fits(&self.records) {
            return Err(too_large("the request asks for too much at once"));
        }
        Ok(self.records)
    }

    /// Says what is wrong with the replicas: they must be known brokers, each once, as many as
    /// expected, one of which can lead.
    fn check_asked(&self, replicas: &[NodeId], expected: usize) -> Result<(), String> {
        if replicas.is_empty() {
            return Err("no replicas".to_owned());
        }
        let mut seen = BTreeSet::new();
        let mut any_active = false;
        for id in replicas {
            let Some(broker) = self.image.broker(*id) else {
                return Err(format!("to broker {id}, which is not registered"));
            };
            if !seen.insert(*id) {
                return Err(format!("to broker {id} more than once"));
            }
            any_active |= broker.is_active();
        }
        if replicas.len() != expected {
            let count = replicas.len();
            return Err(format!(
                "{count} replica(s), but the others have {expected}"
            ));
        }
        if !any_active {
            return Err("to brokers that are all fenced or shutting down".to_owned());
        }
        Ok(())
    }
}

/// The refusal of what would be more than a limit allows.
pub(super) fn too_large(message: &str) -> Refused {
    Refused::new(ErrorCode::PolicyViolation, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::{FenceBroker, NewTopic, NewTopicAssignment};
    use crate::testing::*;

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
}
