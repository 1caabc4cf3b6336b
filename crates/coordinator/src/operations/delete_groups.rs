//! DeleteGroups: an operator removes empty groups and their offsets.

use ottla_protocol::ErrorCode;
use ottla_statemachine::{Outbox, Timestamp};

use super::Turn;
use crate::live::{Live, Phase};
use crate::machine::{Groups, Reply};
use crate::record::Record;
use crate::state::State;

/// Groups to delete.
#[derive(Clone, Debug)]
pub struct DeleteGroups {
    /// Which.
    pub group_ids: Vec<String>,
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedGroup {
    /// Which.
    pub group_id: String,
    /// Whether it is gone.
    pub error: ErrorCode,
}

impl DeleteGroups {
    pub(crate) fn decide(
        self,
        hard: &State,
        live: &mut Live,
        now: Timestamp,
        out: &mut Outbox<Groups>,
    ) {
        let mut deleted: Vec<DeletedGroup> = Vec::new();
        for group_id in self.group_ids {
            // Asked twice, it is told twice.
            let before = deleted.iter().find(|before| before.group_id == group_id);
            let error = match before {
                Some(before) => before.error,
                None => match delete(hard, live, &group_id, now, out) {
                    Ok(()) => ErrorCode::None,
                    Err(error) => error,
                },
            };
            deleted.push(DeletedGroup { group_id, error });
        }
        out.reply(Reply::DeleteGroups(deleted));
    }
}

/// Deletes a group. If its offsets do not all fit the batch, those go that do, and the asker is
/// told to come back for the rest.
fn delete(
    hard: &State,
    live: &mut Live,
    group_id: &str,
    now: Timestamp,
    out: &mut Outbox<Groups>,
) -> Result<(), ErrorCode> {
    let logged = hard.group(group_id).ok_or(ErrorCode::GroupIdNotFound)?;
    if live
        .group(group_id)
        .is_some_and(|group| group.phase != Phase::Empty)
    {
        return Err(ErrorCode::NonEmptyGroup);
    }
    let offsets = logged.offset_keys(group_id);
    let offsets = offsets.map(|key| Record::OffsetCommit { key, value: None });
    let end = Record::GroupMetadata {
        group_id: group_id.to_owned(),
        value: None,
    };
    for record in offsets.chain([end]) {
        if !out.fits(std::slice::from_ref(&record)) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        out.record(record);
    }
    forget(hard, live, group_id, now, out);
    Ok(())
}

/// Ids that were given out and not used are worth nothing any more.
fn forget(hard: &State, live: &mut Live, group_id: &str, now: Timestamp, out: &mut Outbox<Groups>) {
    let mut turn = Turn::take(hard, live, group_id, now, out).expect("it is still in the state");
    for member_id in std::mem::take(&mut turn.group.pending_joins) {
        turn.cancel_session(&member_id);
    }
    turn.put(live);
}
