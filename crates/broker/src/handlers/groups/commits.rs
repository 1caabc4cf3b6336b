//! What both ways to commit offsets have in common: which of the partitions there are, and what is told of each.

use ottla_coordinator::operations::{CommitPartition, CommitTopic, CommittedTopic};
use ottla_metadata::image::Image;
use ottla_protocol::ErrorCode;

use super::topics::{Results, TopicRef, has_partition};
use crate::authorize::{Operation, Resource};
use crate::context::Call;

/// Whether who asks may commit offsets of a group in a transaction.
///
/// # Errors
/// The code that says what it may not.
pub(crate) fn check_in_transaction(
    call: Call<'_>,
    transactional_id: &str,
    group_id: &str,
) -> Result<(), ErrorCode> {
    if !call.may(
        Operation::Write,
        Resource::TransactionalId(transactional_id),
    ) {
        return Err(ErrorCode::TransactionalIdAuthorizationFailed);
    }
    match call.may(Operation::Read, Resource::Group(group_id)) {
        true => Ok(()),
        false => Err(ErrorCode::GroupAuthorizationFailed),
    }
}

/// What of a topic can be committed; the rest has its result.
pub(super) fn judge(
    call: Call<'_>,
    image: &Image,
    named: &TopicRef,
    asked: impl Iterator<Item = CommitPartition>,
    results: &mut Results,
) -> Option<CommitTopic> {
    let found = match named.find(call, image, Operation::Read) {
        Ok(found) => found,
        Err(code) => {
            asked.for_each(|one| results.add(named, one.partition, code));
            return None;
        }
    };
    let mut partitions = Vec::new();
    for one in asked {
        match has_partition(found, one.partition) {
            true => partitions.push(one),
            false => results.add(named, one.partition, ErrorCode::UnknownTopicOrPartition),
        }
    }
    (!partitions.is_empty()).then(|| CommitTopic {
        name: found.name.to_string(),
        topic_id: found.id,
        partitions,
    })
}

/// Notes what became of offsets, of topics named by id or by name.
pub(super) fn note(committed: Vec<CommittedTopic>, by_id: bool, results: &mut Results) {
    for topic in committed {
        let named = TopicRef::of(by_id, &topic.name, topic.topic_id);
        for one in topic.partitions {
            results.add(&named, one.partition, one.error);
        }
    }
}

/// Notes that nothing was committed of what was asked.
pub(super) fn note_refusal(
    asked: Vec<CommitTopic>,
    code: ErrorCode,
    by_id: bool,
    results: &mut Results,
) {
    for topic in asked {
        let named = TopicRef::of(by_id, &topic.name, topic.topic_id);
        for one in topic.partitions {
            results.add(&named, one.partition, code);
        }
    }
}
