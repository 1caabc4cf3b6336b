//! How the rest of the node asks for changes of the metadata. An answer comes when what it says is
//! committed and this node's image shows it.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ottla_metadata::machine::{Input, Metadata, Reply};
use ottla_metadata::operations::{
    AllocateProducerIds, AlterConfigs, CreatePartitions, CreateTopics, DeleteTopics, DeletedTopic,
    Found, PartitionsOutcome, ProducerIdBlock, Refused, RegisterBroker, TopicOutcome,
};
use ottla_protocol::{ErrorCode, NodeId};

use crate::shard::{Questions, Undecided};

/// Asks for changes of the metadata. Cloned freely.
#[derive(Clone)]
pub struct MetadataHandle {
    node_id: NodeId,
    questions: Questions<Metadata>,
    /// Under which registration this broker speaks; −1 before the first.
    broker_epoch: Arc<AtomicI64>,
}

/// An answer under way; an error says that nobody could decide, and to try again.
pub type Answer<T> = Result<T, ErrorCode>;

/// What is said when nobody decides: clients know it as "ask again, perhaps elsewhere".
const UNAVAILABLE: ErrorCode = ErrorCode::NotController;

impl MetadataHandle {
    /// Asks the machine behind this queue for this node.
    pub fn new(node_id: NodeId, questions: Questions<Metadata>) -> Self {
        MetadataHandle {
            node_id,
            questions,
            broker_epoch: Arc::new(AtomicI64::new(-1)),
        }
    }

    /// Names a new cluster.
    pub fn found(&self, found: Found) -> impl Future<Output = Answer<Result<(), Refused>>> + use<> {
        self.ask(Input::Found(found), |reply| match reply {
            Reply::Found(result) => Some(result),
            _ => None,
        })
    }

    /// Registers this broker; it speaks under that registration from then on.
    pub async fn register(&self, broker: RegisterBroker) -> Answer<Result<i64, Refused>> {
        let registered = self.ask(Input::RegisterBroker(broker), |reply| match reply {
            Reply::RegisterBroker(result) => Some(result),
            _ => None,
        });
        let result = registered.await?;
        if let Ok(epoch) = result {
            self.broker_epoch.store(epoch, Ordering::Release);
        }
        Ok(result)
    }

    /// Creates topics.
    pub fn create_topics(
        &self,
        topics: CreateTopics,
    ) -> impl Future<Output = Answer<Vec<TopicOutcome>>> + use<> {
        self.ask(Input::CreateTopics(topics), |reply| match reply {
            Reply::CreateTopics(outcomes) => Some(outcomes),
            _ => None,
        })
    }

    /// Deletes topics.
    pub fn delete_topics(
        &self,
        topics: DeleteTopics,
    ) -> impl Future<Output = Answer<Vec<DeletedTopic>>> + use<> {
        self.ask(Input::DeleteTopics(topics), |reply| match reply {
            Reply::DeleteTopics(outcomes) => Some(outcomes),
            _ => None,
        })
    }

    /// Adds partitions to topics.
    pub fn create_partitions(
        &self,
        topics: CreatePartitions,
    ) -> impl Future<Output = Answer<Vec<PartitionsOutcome>>> + use<> {
        self.ask(Input::CreatePartitions(topics), |reply| match reply {
            Reply::CreatePartitions(outcomes) => Some(outcomes),
            _ => None,
        })
    }

    /// Changes configurations.
    pub fn alter_configs(
        &self,
        configs: AlterConfigs,
    ) -> impl Future<Output = Answer<Vec<Result<(), Refused>>>> + use<> {
        self.ask(Input::AlterConfigs(configs), |reply| match reply {
            Reply::AlterConfigs(outcomes) => Some(outcomes),
            _ => None,
        })
    }

    /// Takes a block of producer ids.
    pub async fn allocate_producer_ids(&self) -> Answer<Range<i64>> {
        let broker_epoch = self.broker_epoch.load(Ordering::Acquire);
        let ask = AllocateProducerIds {
            broker: self.node_id,
            broker_epoch,
        };
        let allocated = self.ask(Input::AllocateProducerIds(ask), |reply| match reply {
            Reply::AllocateProducerIds(result) => Some(result),
            _ => None,
        });
        match allocated.await? {
            Ok(ProducerIdBlock { first, count }) => Ok(first..first.saturating_add(count)),
            Err(refused) => {
                tracing::error!(%refused, "no producer ids to be had");
                Err(refused.code)
            }
        }
    }

    /// Queues a question now; the future only waits.
    fn ask<T>(
        &self,
        input: Input,
        of: fn(Reply) -> Option<T>,
    ) -> impl Future<Output = Answer<T>> + use<T> {
        let answer = self.questions.ask(input);
        async move {
            let reply = answer.await.map_err(|Undecided| UNAVAILABLE)?;
            Ok(of(reply).expect("an input is answered by the reply of its name"))
        }
    }
}
