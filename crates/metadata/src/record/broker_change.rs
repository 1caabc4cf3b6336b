//! `BrokerRegistrationChangeRecord` (17), version 2; the other versions differ in tagged fields.
//!
//! | field | type | tag |
//! |---|---|---|
//! | BrokerId | int32 | |
//! | BrokerEpoch | int64 | |
//! | Fenced | int8: 1 fence, -1 unfence, absent no change | 0 |
//! | InControlledShutdown | int8: 1 begins, absent no change | 1 |
//! | LogDirs | array of uuid, absent no change | 2 |
//! | vote | int8: 1 always, -1 never, 0 as needed, absent no change | 10000 |

use ottla_protocol::fields::{FieldReader, FieldWriter, tag_bytes};
use ottla_protocol::types::NodeId;
use uuid::Uuid;

use super::DecodeError;
use super::frame::schema;
use super::register_broker::{VOTE_TAG, Vote};

/// A change of a registered broker. What is `None` stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistrationChangeRecord {
    /// Who.
    pub broker_id: NodeId,
    /// The registration that this changes; another one is left alone.
    pub broker_epoch: i64,
    /// Whether it is fenced from now on.
    pub fenced: Option<bool>,
    /// Whether it is about to leave.
    pub in_controlled_shutdown: Option<bool>,
    /// The log directories that it has from now on.
    pub log_dirs: Option<Vec<Uuid>>,
    /// Whether it votes on the metadata from now on.
    pub vote: Option<Vote>,
}

schema!(BrokerRegistrationChangeRecord, key 17, reads 0..=3, writes 2);

const FENCED_TAG: u32 = 0;
const IN_CONTROLLED_SHUTDOWN_TAG: u32 = 1;
const LOG_DIRS_TAG: u32 = 2;

impl BrokerRegistrationChangeRecord {
    pub(super) fn size_bytes_max(&self) -> usize {
        50 + 16 * self.log_dirs.as_ref().map_or(0, Vec::len)
    }

    pub(super) fn write(&self, to: &mut FieldWriter) {
        to.i32(self.broker_id.0);
        to.i64(self.broker_epoch);
        let mut tags = Vec::new();
        if let Some(fenced) = self.fenced {
            tags.push((FENCED_TAG, tag_bytes(|to| to.i8(change_code(fenced)))));
        }
        if let Some(leaving) = self.in_controlled_shutdown {
            tags.push((
                IN_CONTROLLED_SHUTDOWN_TAG,
                tag_bytes(|to| to.i8(change_code(leaving))),
            ));
        }
        if let Some(ids) = &self.log_dirs {
            let bytes = tag_bytes(|to| to.array(ids, |to, id| to.uuid(*id)));
            tags.push((LOG_DIRS_TAG, bytes));
        }
        if let Some(vote) = self.vote {
            tags.push((VOTE_TAG, tag_bytes(|to| to.i8(vote.code()))));
        }
        to.tags(&tags);
    }

    pub(super) fn read(_: u32, from: &mut FieldReader<'_>) -> Result<Self, DecodeError> {
        let mut record = Self {
            broker_id: NodeId(from.i32()?),
            broker_epoch: from.i64()?,
            fenced: None,
            in_controlled_shutdown: None,
            log_dirs: None,
            vote: None,
        };
        from.tags(|tag, from| {
            match tag {
                FENCED_TAG => record.fenced = change_of(from.i8()?),
                IN_CONTROLLED_SHUTDOWN_TAG => record.in_controlled_shutdown = change_of(from.i8()?),
                LOG_DIRS_TAG => record.log_dirs = Some(from.array(16, |from| from.uuid())?),
                VOTE_TAG => record.vote = Some(Vote::of(from.i8()?)),
                _ => {}
            }
            Ok(())
        })?;
        Ok(record)
    }
}

fn change_code(value: bool) -> i8 {
    if value { 1 } else { -1 }
}

fn change_of(code: i8) -> Option<bool> {
    match code {
        1.. => Some(true),
        0 => None,
        _ => Some(false),
    }
}
