//! Facts about the cluster as a whole, carried by Kafka's `NoOpRecord` (20), which has no field of
//! its own.
//!
//! | field | type | tag |
//! |---|---|---|
//! | cluster id | string | 10000 |
//! | next group id | uint64 | 10001 |
//!
//! Each is optional: the founding record names the cluster, a snapshot also says which group ids
//! were handed out to topics that are gone.

use ottla_protocol::fields::{FieldReader, FieldWriter, tag_bytes};

use super::DecodeError;
use super::frame::schema;

/// What is true of the cluster as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterRecord {
    /// The name that every broker of the cluster carries.
    pub cluster_id: Option<String>,
    /// No partition gets a group id below this one.
    pub next_group_id: Option<u64>,
}

schema!(ClusterRecord, key 20, reads 0..=0, writes 0);

const CLUSTER_ID_TAG: u32 = 10_000;
const NEXT_GROUP_ID_TAG: u32 = 10_001;

impl ClusterRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        40 + self.cluster_id.as_ref().map_or(0, String::len)
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        let mut tags = Vec::new();
        if let Some(id) = &self.cluster_id {
            tags.push((CLUSTER_ID_TAG, tag_bytes(|to| to.string(id))));
        }
        if let Some(next) = self.next_group_id {
            tags.push((NEXT_GROUP_ID_TAG, tag_bytes(|to| to.u64(next))));
        }
        to.tags(&tags);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let mut record = Self::default();
        from.tags(|tag, from| {
            match tag {
                CLUSTER_ID_TAG => record.cluster_id = Some(from.string()?),
                NEXT_GROUP_ID_TAG => record.next_group_id = Some(from.u64()?),
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}
