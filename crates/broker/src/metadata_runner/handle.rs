//! How the rest of the node asks for changes of the metadata. An answer comes when what it says is
//! committed and this node's image shows it, whichever broker decides.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use ottla_metadata::machine::{Input, Metadata, Reply};
use ottla_metadata::operations::{
    AllocateProducerIds, AlterConfigs, AlterReplicas, ChooseVoter, CreatePartitions, CreateTopics,
    DeleteTopics, DeletedTopic, FenceBroker, Found, PartitionsOutcome, ProducerIdBlock, Refused,
    RegisterBroker, RenewReplicas, SettleReplicas, TopicOutcome, UnregisterBroker, UpdateFeatures,
};
use ottla_protocol::{ErrorCode, NodeId};
use ottla_replication::Partition;
use ottla_replication::cluster::Cluster;
use ottla_replication::transport::{Kind, LinkError, Refusal};
use tokio::time::{Instant, timeout};

use super::METADATA_GROUP_ID;
use super::answering::{Question, Told, encode};
use super::quorum::{QuorumView, QuorumWatch};
use crate::images::Images;
use crate::limits::{LEADER_LOOK, METADATA_LEADER_MAX, METADATA_SHOWN_MAX};
use crate::shard::{Questions, Undecided};

/// Asks for changes of the metadata. Cloned freely.
#[derive(Clone)]
pub struct MetadataHandle {
    node_id: NodeId,
    route: Arc<Route>,
    /// Under which registration this broker speaks; −1 before the first.
    broker_epoch: Arc<AtomicI64>,
}

/// The ways to whoever decides.
pub struct Route {
    /// This broker's replica of the metadata.
    pub partition: Partition,
    /// Asks the machine on this broker.
    pub questions: Questions<Metadata>,
    /// The other brokers.
    pub peers: Arc<Cluster>,
    /// What this broker knows of the cluster.
    pub images: Arc<Images>,
    /// Who holds the metadata, if this broker leads it.
    pub quorum: Arc<QuorumWatch>,
}

/// Who leads the metadata.
enum Leader {
    /// This broker: it has not been asked yet.
    Here,
    /// Another, that said this.
    There(Bytes),
}

/// An answer under way; an error says that nobody could decide, and to try again.
pub type Answer<T> = Result<T, ErrorCode>;

/// What is said when nobody decides: clients know it as "ask again, perhaps elsewhere".
const UNAVAILABLE: ErrorCode = ErrorCode::NotController;

impl MetadataHandle {
    /// Asks on behalf of this node.
    pub fn new(node_id: NodeId, route: Route) -> Self {
        MetadataHandle {
            node_id,
            route: Arc::new(route),
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

    /// Says who is to hold replicas.
    pub fn alter_replicas(
        &self,
        replicas: AlterReplicas,
    ) -> impl Future<Output = Answer<Vec<Result<(), Refused>>>> + use<> {
        self.ask(Input::AlterReplicas(replicas), |reply| match reply {
            Reply::AlterReplicas(outcomes) => Some(outcomes),
            _ => None,
        })
    }

    /// Says that replicas are where they were wanted.
    pub fn settle_replicas(
        &self,
        settle: SettleReplicas,
    ) -> impl Future<Output = Answer<()>> + use<> {
        self.ask(Input::SettleReplicas(settle), |reply| match reply {
            Reply::SettleReplicas => Some(()),
            _ => None,
        })
    }

    /// Has replicas of a broker begin anew in the log directory that it has now.
    pub fn renew_replicas(
        &self,
        renew: RenewReplicas,
    ) -> impl Future<Output = Answer<Result<usize, Refused>>> + use<> {
        self.ask(Input::RenewReplicas(renew), |reply| match reply {
            Reply::RenewReplicas(result) => Some(result),
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

    /// Takes a broker out of service or back into it.
    pub fn fence(
        &self,
        fence: FenceBroker,
    ) -> impl Future<Output = Answer<Result<(), Refused>>> + use<> {
        self.ask(Input::FenceBroker(fence), |reply| match reply {
            Reply::FenceBroker(result) => Some(result),
            _ => None,
        })
    }

    /// Forgets a broker.
    pub fn unregister(
        &self,
        broker: UnregisterBroker,
    ) -> impl Future<Output = Answer<Result<(), Refused>>> + use<> {
        self.ask(Input::UnregisterBroker(broker), |reply| match reply {
            Reply::UnregisterBroker(result) => Some(result),
            _ => None,
        })
    }

    /// Changes the levels of features.
    pub fn update_features(
        &self,
        update: UpdateFeatures,
    ) -> impl Future<Output = Answer<Result<(), Refused>>> + use<> {
        self.ask(Input::UpdateFeatures(update), |reply| match reply {
            Reply::UpdateFeatures(result) => Some(result),
            _ => None,
        })
    }

    /// Notes that a broker is to vote on the metadata, or not to.
    pub fn choose_voter(
        &self,
        choice: ChooseVoter,
    ) -> impl Future<Output = Answer<Result<(), Refused>>> + use<> {
        self.ask(Input::ChooseVoter(choice), |reply| match reply {
            Reply::ChooseVoter(result) => Some(result),
            _ => None,
        })
    }

    /// Who votes on the metadata, as this broker knows.
    pub fn voters(&self) -> Arc<[NodeId]> {
        self.route.partition.voters()
    }

    /// Who leads the metadata and how far all have it, by the leader's word.
    pub fn describe_quorum(&self) -> impl Future<Output = Answer<QuorumView>> + use<> {
        let route = Arc::clone(&self.route);
        async move {
            let view = match route.ask_leader(&Question::DescribeQuorum).await {
                Ok(Leader::Here) => route.quorum.view(),
                Ok(Leader::There(answer)) => serde_json::from_slice(&answer).ok(),
                Err(Undecided) => None,
            };
            view.ok_or(ErrorCode::NotLeaderOrFollower)
        }
    }

    /// Queues a question now if this broker decides; the future then only waits.
    fn ask<T>(
        &self,
        input: Input,
        of: fn(Reply) -> Option<T>,
    ) -> impl Future<Output = Answer<T>> + use<T> {
        let route = Arc::clone(&self.route);
        let here = route
            .partition
            .is_leader()
            .then(|| route.questions.ask(input.clone()));
        async move {
            let reply = match here {
                Some(answer) => answer.await,
                None => route.change(input).await,
            };
            let reply = reply.map_err(|Undecided| UNAVAILABLE)?;
            Ok(of(reply).expect("an input is answered by the reply of its name"))
        }
    }
}

impl Route {
    /// Has whoever leads the metadata decide.
    async fn change(&self, input: Input) -> Result<Reply, Undecided> {
        let question = Question::Change(input.clone());
        match self.ask_leader(&question).await? {
            Leader::Here => self.questions.ask(input).await,
            Leader::There(answer) => self.shown(&answer).await,
        }
    }

    /// Asks whoever leads the metadata, waiting for a leader if there is none.
    async fn ask_leader(&self, question: &Question) -> Result<Leader, Undecided> {
        let deadline = Instant::now() + METADATA_LEADER_MAX;
        let mut moves = self.peers.leaders().watch();
        loop {
            moves.mark_unchanged();
            if self.partition.is_leader() {
                return Ok(Leader::Here);
            }
            for node in self.who_may_lead() {
                let asked =
                    self.peers
                        .ask(node, Kind::Metadata, METADATA_GROUP_ID, encode(question));
                match asked.await {
                    Ok(answer) => return Ok(Leader::There(answer)),
                    // It was not decided: another may be asked.
                    Err(LinkError::Refused(Refusal::Undecided)) => {}
                    Err(_) => return Err(Undecided),
                }
            }
            let moved = timeout(LEADER_LOOK, moves.changed());
            if Instant::now() >= deadline {
                return Err(Undecided);
            }
            // Either is a reason to look again.
            let _ = moved.await;
        }
    }

    /// The leader, if it has said that it is; otherwise all: a broker that has just come is told by
    /// nobody, because nobody knows it.
    fn who_may_lead(&self) -> Vec<NodeId> {
        match self.peers.leader(METADATA_GROUP_ID) {
            Some(leader) => vec![leader.node],
            None => self.peers.connected(),
        }
    }

    /// The reply, once this broker's image shows what it says.
    async fn shown(&self, answer: &[u8]) -> Result<Reply, Undecided> {
        let told: Told = serde_json::from_slice(answer).map_err(|_| Undecided)?;
        let mut published = self.images.published();
        let shown = published.wait_for(|end| *end >= told.end_offset);
        // What takes longer shows later: it is decided all the same.
        let _ = timeout(METADATA_SHOWN_MAX, shown).await;
        Ok(told.reply)
    }
}
