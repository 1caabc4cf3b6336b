//! `PartitionRecord` (3), version 1; version 2, which only adds tagged fields, is read too.
//!
//! | field | type | tag |
//! |---|---|---|
//! | PartitionId | int32 | |
//! | TopicId | uuid | |
//! | Replicas | array of int32, the preferred leader first | |
//! | Isr | array of int32, as Replicas | |
//! | RemovingReplicas, AddingReplicas | array of int32, empty | |
//! | Leader | int32, the preferred one | |
//! | LeaderEpoch, PartitionEpoch | int32, 0 | |
//! | Directories | array of uuid, one a replica | |
//! | group id | uint64 | 10000 |
//! | birth | int8, 1; absent = 0 | 10001 |
//!
//! Who leads and who is in sync is not the metadata log's business: those fields say what is true
//! at a partition's creation, for Kafka's tools, and are skipped when the record is read.

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter, tag_bytes};
use ottla_protocol::types::{NodeId, TopicId};
use uuid::Uuid;

use super::DecodeError;
use super::frame::schema;

/// One partition: its place in the topic, its replicas, its Raft group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    /// Which partition of the topic.
    pub partition: i32,
    /// The topic.
    pub topic_id: TopicId,
    /// Who holds a replica, the preferred leader first.
    pub replicas: Vec<NodeId>,
    /// The log directory of each replica, in the same order.
    pub directories: Vec<Uuid>,
    /// The Raft group, never used by another partition.
    pub group_id: u64,
    /// Whether the replicas are still those of the creation, so that they may found the group.
    pub birth: bool,
}

schema!(PartitionRecord, key 3, reads 1..=2, writes 1);

const GROUP_ID_TAG: u32 = 10_000;
const BIRTH_TAG: u32 = 10_001;
const EPOCH_AT_CREATION: i32 = 0;

impl PartitionRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        100 + 8 * self.replicas.len() + 16 * self.directories.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.partition);
        to.uuid(self.topic_id.0);
        write_nodes(to, &self.replicas);
        write_nodes(to, &self.replicas);
        write_nodes(to, &[]);
        write_nodes(to, &[]);
        to.i32(self.replicas.first().copied().unwrap_or(NodeId::NONE).0);
        to.i32(EPOCH_AT_CREATION);
        to.i32(EPOCH_AT_CREATION);
        to.array(&self.directories, |to, id| to.uuid(*id));
        let mut tags = vec![(GROUP_ID_TAG, tag_bytes(|to| to.u64(self.group_id)))];
        if self.birth {
            tags.push((BIRTH_TAG, tag_bytes(|to| to.i8(1))));
        }
        to.tags(&tags);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let (partition, topic_id) = (from.i32()?, TopicId(from.uuid()?));
        let replicas = read_nodes(from)?;
        for _isr_removing_adding in 0..3 {
            read_nodes(from)?;
        }
        for _leader_and_epochs in 0..3 {
            from.i32()?;
        }
        let directories = from.array(16, |from| from.uuid())?;
        let (mut group_id, mut birth) = (None, false);
        from.tags(|tag, from| {
            match tag {
                GROUP_ID_TAG => group_id = Some(from.u64()?),
                BIRTH_TAG => birth = from.bool()?,
                _ => {}
            }
            Ok(())
        })?;
        let group_id = group_id.ok_or(DecodeError::MissingTag { tag: GROUP_ID_TAG })?;
        Ok(Self {
            partition,
            topic_id,
            replicas,
            directories,
            group_id,
            birth,
        })
    }
}

fn write_nodes(to: &mut FieldWriter, nodes: &[NodeId]) {
    to.array(nodes, |to, node| to.i32(node.0));
}

fn read_nodes(from: &mut FieldReader<'_>) -> Result<Vec<NodeId>, FieldError> {
    from.array(4, |from| Ok(NodeId(from.i32()?)))
}
