//! The group machines on this node: one for each partition of `__consumer_offsets` that is open here.
//! All of them are told of topics that were deleted.

use std::sync::Arc;

use ottla_coordinator::config::GroupConfig;
use ottla_coordinator::machine::{Groups, Input, Reply};
use ottla_coordinator::operations::{DeletedTopic, TopicsDeleted};
use ottla_coordinator::state::State;
use ottla_metadata::image::{Delta, Image, TopicChange};
use ottla_metadata::topic_name::CONSUMER_OFFSETS;
use ottla_platform::clock::Clock;

use crate::images::Images;
use crate::partitions::Partitions;
use crate::shard::{Hosting, HostingOptions, HostingTask, Questions, Undecided};

/// The machines, and how they are asked.
pub type GroupShards = Hosting<Groups>;

/// Starts to follow.
pub fn start(
    images: Arc<Images>,
    partitions: Arc<Partitions>,
    clock: Arc<dyn Clock>,
    config: GroupConfig,
) -> (Arc<GroupShards>, HostingTask) {
    let options = HostingOptions {
        topic: CONSUMER_OFFSETS,
        images,
        partitions,
        clock,
        empty: State::new(Arc::new(config)),
    };
    GroupShards::start(options, tell_deleted)
}

/// Has all machines forget what was committed for topics that are no more.
fn tell_deleted(shards: &GroupShards, old: &Image, new: &Image) {
    let deleted = Delta::between(old, new).topics.into_iter();
    let topics: Vec<DeletedTopic> = deleted
        .filter_map(|change| match change {
            TopicChange::Deleted(topic) => Some(DeletedTopic {
                name: topic.name.to_string(),
                topic_id: topic.id,
            }),
            TopicChange::Created(_) | TopicChange::Changed { .. } => None,
        })
        .collect();
    if topics.is_empty() {
        return;
    }
    let (machines, _) = shards.all();
    for (_, machine) in machines {
        tokio::spawn(forget(machine.questions, topics.clone()));
    }
}

/// One machine forgets, in as many steps as it takes.
async fn forget(machine: Questions<Groups>, topics: Vec<DeletedTopic>) {
    loop {
        let input = Input::TopicsDeleted(TopicsDeleted {
            topics: topics.clone(),
        });
        match machine.ask(input).await {
            Ok(Reply::TopicsDeleted { complete: false }) => {}
            Ok(_) | Err(Undecided) => return,
        }
    }
}
