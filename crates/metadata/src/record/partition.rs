//! `PartitionRecord` (3), version 1; version 2, which only adds tagged fields, is read too.
//!
//! | field | type | tag |
//! |---|---|---|
//! | PartitionId | int32 | |
//! | TopicId | uuid | |
//! | Replicas | array of int32, the preferred leader first | |
//! | Isr | array of int32, as Replicas | |
//! | RemovingReplicas, AddingReplicas | array of int32 | |
//! | Leader | int32, the preferred one | |
//! | LeaderEpoch, PartitionEpoch | int32, 0 | |
//! | Directories | array of uuid, one a replica | |
//! | group id | uint64 | 10000 |
//! | birth: the replicas are the founders | int8, 1; absent = 0 | 10001 |
//! | founders, if they are others | array of int32 and uuid | 10002 |
//! | emptied | array of int32 | 10003 |
//! | grows | int8, 1; absent = 0 | 10004 |
//!
//! Who leads and who is in sync is not the metadata log's business: those fields say what is true
//! at a partition's creation, for Kafka's tools, and are skipped when the record is read.

use ottla_protocol::fields::{FieldError, FieldReader, FieldWriter, tag_bytes};
use ottla_protocol::types::{NodeId, TopicId};
use uuid::Uuid;

use super::DecodeError;
use super::frame::schema;
use crate::image::Partition;

/// One partition: its place in the topic, its replicas, its Raft group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionRecord {
    /// Which partition of the topic.
    pub partition: i32,
    /// The topic.
    pub topic_id: TopicId,
    /// The rest.
    pub state: Partition,
}

schema!(PartitionRecord, key 3, reads 1..=2, writes 1);

const GROUP_ID_TAG: u32 = 10_000;
const BIRTH_TAG: u32 = 10_001;
const FOUNDERS_TAG: u32 = 10_002;
const EMPTIED_TAG: u32 = 10_003;
const GROWS_TAG: u32 = 10_004;
const EPOCH_AT_CREATION: i32 = 0;

impl PartitionRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        let state = &self.state;
        let moving = state.adding.len() + state.removing.len() + state.emptied.len();
        100 + 8 * state.replicas.len()
            + 16 * state.directories.len()
            + 4 * moving
            + 20 * state.founders.len()
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.partition);
        to.uuid(self.topic_id.0);
        let state = &self.state;
        write_nodes(to, &state.replicas);
        write_nodes(to, &state.replicas);
        write_nodes(to, &state.removing);
        write_nodes(to, &state.adding);
        to.i32(state.replicas.first().copied().unwrap_or(NodeId::NONE).0);
        to.i32(EPOCH_AT_CREATION);
        to.i32(EPOCH_AT_CREATION);
        to.array(&state.directories, |to, id| to.uuid(*id));
        let mut tags = vec![(GROUP_ID_TAG, tag_bytes(|to| to.u64(state.group_id)))];
        if state.founders.is_empty() {
        } else if state.seats().eq(state.founders.iter().copied()) {
            tags.push((BIRTH_TAG, tag_bytes(|to| to.i8(1))));
        } else {
            tags.push((
                FOUNDERS_TAG,
                tag_bytes(|to| write_seats(to, &state.founders)),
            ));
        }
        if !state.emptied.is_empty() {
            tags.push((EMPTIED_TAG, tag_bytes(|to| write_nodes(to, &state.emptied))));
        }
        if state.grows {
            tags.push((GROWS_TAG, tag_bytes(|to| to.i8(1))));
        }
        to.tags(&tags);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let (partition, topic_id) = (from.i32()?, TopicId(from.uuid()?));
        let replicas = read_nodes(from)?;
        let _isr = read_nodes(from)?;
        let (removing, adding) = (read_nodes(from)?, read_nodes(from)?);
        for _leader_and_epochs in 0..3 {
            from.i32()?;
        }
        let directories = from.array(16, |from| from.uuid())?;
        let (mut group_id, mut birth, mut grows) = (None, false, false);
        let (mut founders, mut emptied) = (Vec::new(), Vec::new());
        from.tags(|tag, from| {
            match tag {
                GROUP_ID_TAG => group_id = Some(from.u64()?),
                BIRTH_TAG => birth = from.bool()?,
                FOUNDERS_TAG => founders = read_seats(from)?,
                EMPTIED_TAG => emptied = read_nodes(from)?,
                GROWS_TAG => grows = from.bool()?,
                _ => {}
            }
            Ok(())
        })?;
        let group_id = group_id.ok_or(DecodeError::MissingTag { tag: GROUP_ID_TAG })?;
        let mut state = Partition {
            replicas,
            directories,
            group_id,
            founders,
            adding,
            removing,
            emptied,
            grows,
        };
        if birth {
            state.founders = state.seats().collect();
        }
        Ok(Self {
            partition,
            topic_id,
            state,
        })
    }
}

fn write_nodes(to: &mut FieldWriter, nodes: &[NodeId]) {
    to.array(nodes, |to, node| to.i32(node.0));
}

fn write_seats(to: &mut FieldWriter, seats: &[(NodeId, Uuid)]) {
    to.array(seats, |to, (node, directory)| {
        to.i32(node.0);
        to.uuid(*directory);
    });
}

fn read_seats(from: &mut FieldReader<'_>) -> Result<Vec<(NodeId, Uuid)>, FieldError> {
    from.array(20, |from| Ok((NodeId(from.i32()?), from.uuid()?)))
}

fn read_nodes(from: &mut FieldReader<'_>) -> Result<Vec<NodeId>, FieldError> {
    from.array(4, |from| Ok(NodeId(from.i32()?)))
}
