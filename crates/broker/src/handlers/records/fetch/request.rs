//! A fetch request as the session cache wants it.

use std::collections::BTreeSet;
use std::sync::Arc;

use ottla_metadata::image::Image;
use ottla_protocol::TopicId;
use ottla_protocol::messages::FetchRequest;
use ottla_protocol::messages::fetch_request::FetchPartition;

use crate::context::Call;
use crate::fetch_session::{PartitionKey, PartitionRequest, SessionRequest, Target, TopicKey};

/// Versions that name topics by id.
pub(super) const FIRST_WITH_TOPIC_IDS: i16 = 13;
/// Versions that know sessions; before, the request's defaults say that there is none.
const FIRST_WITH_SESSIONS: i16 = 7;
const FINAL_EPOCH: i32 = -1;

pub(super) fn session_request(
    call: Call<'_>,
    image: &Image,
    request: FetchRequest,
) -> SessionRequest {
    let version = call.version();
    let uses_topic_ids = version >= FIRST_WITH_TOPIC_IDS;
    let mut wanted = Vec::new();
    for topic in &request.topics {
        let (key, name) = topic_key(image, uses_topic_ids, &topic.topic, topic.topic_id.into());
        wanted.extend(topic.partitions.iter().map(|partition| Target {
            key: PartitionKey {
                topic: key.clone(),
                partition: partition.partition,
            },
            name: name.clone(),
            request: partition_request(partition),
        }));
    }
    let mut forgotten = Vec::new();
    for topic in &request.forgotten_topics_data {
        let (key, _) = topic_key(image, uses_topic_ids, &topic.topic, topic.topic_id.into());
        forgotten.extend(topic.partitions.iter().map(|&partition| PartitionKey {
            topic: key.clone(),
            partition,
        }));
    }
    let has_session = version >= FIRST_WITH_SESSIONS;
    SessionRequest {
        session_id: if has_session { request.session_id } else { 0 },
        epoch: if has_session {
            request.session_epoch
        } else {
            FINAL_EPOCH
        },
        uses_topic_ids,
        wanted: each_once(wanted),
        forgotten,
    }
}

/// The name of a topic that exists.
pub(super) fn name_of(image: &Image, id: TopicId) -> Option<Arc<str>> {
    image.topic_by_id(id).map(|topic| Arc::clone(&topic.name))
}

fn topic_key(
    image: &Image,
    uses_topic_ids: bool,
    name: &str,
    id: TopicId,
) -> (TopicKey, Option<Arc<str>>) {
    if uses_topic_ids {
        return (TopicKey::Id(id), name_of(image, id));
    }
    // The image's own copy: the request's would keep the whole frame.
    let name = image
        .topic(name)
        .map_or_else(|| name.into(), |topic| Arc::clone(&topic.name));
    (TopicKey::Name(Arc::clone(&name)), Some(name))
}

fn partition_request(partition: &FetchPartition) -> PartitionRequest {
    PartitionRequest {
        fetch_offset: partition.fetch_offset,
        max_bytes: partition.partition_max_bytes,
        current_leader_epoch: given(partition.current_leader_epoch),
        last_fetched_epoch: given(partition.last_fetched_epoch),
    }
}

/// An epoch, where any number below 0 says that the client does not know.
fn given(epoch: i32) -> Option<i32> {
    (epoch >= 0).then_some(epoch)
}

/// Of a partition that is named twice the last word counts.
fn each_once(mut wanted: Vec<Target>) -> Vec<Target> {
    if wanted.len() < 2 {
        return wanted;
    }
    let mut seen = BTreeSet::new();
    wanted.reverse();
    wanted.retain(|target| seen.insert(target.key.clone()));
    wanted.reverse();
    wanted
}
