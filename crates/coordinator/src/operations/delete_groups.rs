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
    let offsets = logged.offset_keys(group_id).into_iter();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::Input;
    use crate::operations::OffsetCommit;
    use crate::testing::*;

    fn deleted(bench: &mut Bench, group_ids: &[&str]) -> Vec<ErrorCode> {
        let group_ids = group_ids
            .iter()
            .map(|group_id| (*group_id).to_owned())
            .collect();
        match bench.ask(Input::DeleteGroups(DeleteGroups { group_ids })) {
            Reply::DeleteGroups(groups) => groups.into_iter().map(|group| group.error).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_empty_group_goes_with_its_offsets() {
        let mut bench = Bench::new();
        let (members, _) = bench.stable(1);
        bench
            .commit(OffsetCommit {
                group_id: String::new(),
                ..commit(1)
            })
            .unwrap();
        let told = deleted(&mut bench, &[GROUP, "nobody"]);
        assert_eq!(told, [ErrorCode::NonEmptyGroup, ErrorCode::GroupIdNotFound]);
        bench.leave(&[(&members[0], None)]);
        bench.commit(commit(1)).unwrap();
        let told = deleted(&mut bench, &[GROUP, "", GROUP]);
        assert_eq!(told, [ErrorCode::None; 3]);
        assert_eq!(bench.rig.hard().groups().count(), 0);
        assert_eq!(bench.state(), "Dead");
        assert_eq!(bench.offset(0), -1);
    }

    #[test]
    fn ids_that_were_given_out_go_with_the_group() {
        let mut bench = Bench::new();
        let member_id = bench.member_id(&join());
        assert_eq!(deleted(&mut bench, &[GROUP]), [ErrorCode::None]);
        assert_eq!(bench.rig.runner().soft().group_count(), 0);
        let refused = bench.ask_join(rejoin(&member_id)).unwrap_err();
        assert_eq!(refused.error, ErrorCode::UnknownMemberId);
        bench.advance_ms(i64::from(SESSION_MS));
    }

    #[test]
    fn a_group_of_more_offsets_than_a_batch_holds_goes_in_parts() {
        let mut bench = Bench::with_records_max(4);
        for first in [0, 4] {
            let mut commit = commit_many(4);
            for partition in &mut commit.topics[0].partitions {
                partition.partition += first;
            }
            bench.commit(commit).unwrap();
        }
        let again = ErrorCode::CoordinatorNotAvailable;
        assert_eq!(deleted(&mut bench, &[GROUP]), [again]);
        assert_eq!((bench.offset(3), bench.offset(4)), (-1, 7));
        assert_eq!(deleted(&mut bench, &[GROUP]), [again]);
        assert_eq!(deleted(&mut bench, &[GROUP]), [ErrorCode::None]);
        assert_eq!(bench.state(), "Dead");
    }
}
