//! What creating topics and partitions has in common, whoever asks for it.

use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::image::Topic;
use ottla_metadata::operations::{CreateTopics, NewTopic};
use ottla_protocol::TopicId;
use tokio::time::{Instant, timeout, timeout_at};

use crate::context::{Broker, Call};
use crate::leader;
use crate::limits::{AUTO_CREATION_MAX, CREATION_SETTLE_MAX};
use crate::partitions::PartitionId;

/// Creates topics that a client asked about, with the broker's defaults. The future is over when they
/// are there, when they cannot be created, or when the client has waited long enough; an image taken
/// after it says which.
pub(crate) fn auto_create(call: Call<'_>, names: Vec<String>) -> impl Future<Output = ()> + use<> {
    let topics = names.into_iter().map(|name| NewTopic {
        name,
        id: new_topic_id(call.broker),
        num_partitions: -1,
        replication_factor: -1,
        assignments: Vec::new(),
        grows: true,
        configs: Vec::new(),
    });
    create_and_settle(
        call,
        CreateTopics {
            topics: topics.collect(),
            validate_only: false,
            defaults: call.broker.defaults.current(),
        },
    )
}

/// Creates topics that a client needs, and waits as [`auto_create`] does.
pub(crate) fn create_and_settle(
    call: Call<'_>,
    topics: CreateTopics,
) -> impl Future<Output = ()> + use<> {
    let creation = call.broker.metadata.create_topics(topics);
    let broker = Arc::clone(call.broker);
    async move {
        let created = async {
            let outcomes = creation.await.unwrap_or_default();
            let mut ids = Vec::new();
            for outcome in outcomes {
                match outcome.result {
                    Ok(topic) => {
                        tracing::info!(topic = %outcome.name, "topic created for a client that asked for it");
                        ids.push(topic.id);
                    }
                    Err(refused) => {
                        tracing::info!(topic = %outcome.name, %refused, "topic not created for a client that asked for it");
                    }
                }
            }
            settle(&broker, &ids).await;
        };
        // What is not there in time is unknown for now: the client asks again.
        let _ = timeout(AUTO_CREATION_MAX, created).await;
    }
}

/// An id that no topic ever had.
pub(super) fn new_topic_id(broker: &Broker) -> TopicId {
    TopicId(broker.random_uuid())
}

/// Waits until new partitions have leaders and this node's replicas of them are open, within a bound,
/// so that who was told of them can use them.
pub(super) async fn settle(broker: &Broker, topics: &[TopicId]) {
    let image = broker.images.current();
    let topics: Vec<_> = topics
        .iter()
        .filter_map(|&id| image.topic_by_id(id))
        .collect();
    let own: Vec<PartitionId> = topics
        .iter()
        .flat_map(|topic| {
            let partitions = topic.partitions.iter().zip(0..);
            let own = partitions.filter(|(one, _)| one.directory(broker.node_id).is_some());
            own.map(|(_, number)| (topic.id, number))
        })
        .collect();
    let deadline = Instant::now() + CREATION_SETTLE_MAX;
    broker.partitions.wait_for(&own, deadline).await;
    let mut moves = broker.peers.leaders().watch();
    let is_led = |topic: &&Arc<Topic>| {
        let partitions = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
        (0..partitions).all(|number| leader::of(broker, topic, number).is_some())
    };
    loop {
        moves.mark_unchanged();
        if topics.iter().all(is_led) {
            return;
        }
        if timeout_at(deadline, moves.changed()).await.is_err() {
            return;
        }
    }
}

/// How long a client wants to wait, as it says itself.
pub(super) fn patience(timeout_ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0))
}
