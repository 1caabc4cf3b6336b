//! What a client knows of a cluster: brokers, topics, and who leads which partition.
//!
//! Pure: values made from Metadata responses, never changed in place but replaced by a newer one. A leader epoch
//! never goes back: metadata of a broker that lags behind does not undo what a newer one said (KIP-320).

use std::collections::BTreeMap;
use std::sync::Arc;

use ottla_protocol::{ErrorCode, NodeId, TopicId};

use crate::address::Address;
use crate::wire::StrBytes;
use crate::wire::messages::metadata_response::{MetadataResponsePartition, MetadataResponseTopic};
use crate::wire::messages::{BrokerId, MetadataResponse};

/// A moment's view of the cluster. Cloning it is for the cache to make the next one; readers share it in an `Arc`.
#[derive(Clone, Debug, Default)]
pub struct ClusterView {
    /// The cluster's id, once known.
    pub cluster_id: Option<String>,
    /// The broker that metadata names as controller; any broker takes its requests too.
    pub controller: Option<NodeId>,
    /// The brokers alive.
    pub brokers: BTreeMap<NodeId, Broker>,
    /// The topics asked for so far, by name.
    pub topics: BTreeMap<Arc<str>, Arc<Topic>>,
}

/// A broker as clients reach it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Broker {
    /// Its id.
    pub id: NodeId,
    /// Where it listens.
    pub address: Address,
    /// Its rack, if it has one.
    pub rack: Option<String>,
}

impl Broker {
    /// From the fields that several responses have for it. A port that is none is 0, which nobody can connect to.
    pub(crate) fn new(id: BrokerId, host: &str, port: i32, rack: Option<&StrBytes>) -> Self {
        Broker {
            id: NodeId(id.0),
            address: Address::new(host, u16::try_from(port).unwrap_or(0)),
            rack: rack.map(|rack| rack.to_string()),
        }
    }
}

/// A topic as metadata tells of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Topic {
    /// Its name.
    pub name: Arc<str>,
    /// Its id; zero from a broker that has none.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions in order of their numbers, without gaps.
    pub partitions: Vec<Partition>,
}

/// A partition as metadata tells of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Partition {
    /// The broker that leads it, if any does.
    pub leader: Option<NodeId>,
    /// The leader's epoch; −1 from a broker that has none.
    pub leader_epoch: i32,
    /// Who keeps it, preferred leader first.
    pub replicas: Vec<NodeId>,
    /// Who is in sync.
    pub in_sync: Vec<NodeId>,
    /// Who is not there.
    pub offline: Vec<NodeId>,
}

/// What one response said beside what went into the view.
#[derive(Debug, Default)]
pub(crate) struct TopicErrors(pub(crate) BTreeMap<Arc<str>, ErrorCode>);

impl ClusterView {
    /// The leader of a partition, if the view knows topic, partition and leader.
    pub fn leader(&self, topic: &str, partition: i32) -> Option<NodeId> {
        self.partition(topic, partition)?.leader
    }

    /// A partition, if the view knows it.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&Partition> {
        let index = usize::try_from(partition).ok()?;
        self.topics.get(topic)?.partitions.get(index)
    }

    /// A topic by its id.
    pub fn topic_by_id(&self, id: TopicId) -> Option<&Arc<Topic>> {
        self.topics.values().find(|topic| topic.id == id)
    }

    /// The view after a response to a question about some topics, or about all. Topics that the response says are
    /// unknown leave the view.
    pub(crate) fn after(&self, response: &MetadataResponse) -> (ClusterView, TopicErrors) {
        let mut view = self.clone();
        let mut errors = TopicErrors::default();
        view.cluster_id = response.cluster_id.as_ref().map(|id| id.to_string());
        view.controller = Some(NodeId(response.controller_id.0)).filter(|id| id.0 >= 0);
        let told = response.brokers.iter();
        let told = told
            .map(|told| Broker::new(told.node_id, &told.host, told.port, told.rack.as_ref()))
            .map(|broker| (broker.id, broker));
        // who has just started may know of nobody: that is no news, as for Kafka's clients
        if !response.brokers.is_empty() {
            view.brokers = told.collect();
        }
        for topic in &response.topics {
            let Some(name) = topic.name.as_ref() else {
                continue;
            };
            let name: Arc<str> = Arc::from(name.as_str());
            match ErrorCode::from_code(topic.error_code) {
                ErrorCode::None => {
                    let known = view.topics.get(&name);
                    let topic = topic_of(name.clone(), topic, known.map(Arc::as_ref));
                    view.topics.insert(name, Arc::new(topic));
                }
                error => {
                    if error == ErrorCode::UnknownTopicOrPartition {
                        view.topics.remove(&name);
                    }
                    errors.0.insert(name, error);
                }
            }
        }
        (view, errors)
    }

    /// The view after a broker said, in refusing a request, who leads a partition now (KIP-951); `None` if that is
    /// no news.
    pub(crate) fn after_hint(
        &self,
        topic: &str,
        partition: i32,
        hint: &LeaderHint,
    ) -> Option<ClusterView> {
        let index = usize::try_from(partition).ok()?;
        let known = self.topics.get(topic)?;
        if known.partitions.get(index)?.leader_epoch >= hint.epoch {
            return None;
        }
        let mut view = self.clone();
        let mut topic = Topic::clone(known);
        topic.partitions[index].leader = Some(hint.leader.id);
        topic.partitions[index].leader_epoch = hint.epoch;
        view.topics.insert(topic.name.clone(), Arc::new(topic));
        view.brokers.insert(hint.leader.id, hint.leader.clone());
        Some(view)
    }
}

/// The leader that a refusing broker points to.
#[derive(Clone, Debug)]
pub(crate) struct LeaderHint {
    pub(crate) leader: Broker,
    pub(crate) epoch: i32,
}

fn topic_of(name: Arc<str>, topic: &MetadataResponseTopic, known: Option<&Topic>) -> Topic {
    let id = TopicId(topic.topic_id);
    // Epochs of a topic created anew under the same name begin again.
    let known = known.filter(|known| known.id == id);
    let mut described: Vec<&MetadataResponsePartition> = topic.partitions.iter().collect();
    described.sort_by_key(|partition| partition.partition_index);
    let partitions = described
        .into_iter()
        .enumerate()
        // A list with a hole is cut there: an index must not name another partition.
        .take_while(|(index, partition)| usize::try_from(partition.partition_index) == Ok(*index))
        .map(|(index, partition)| {
            let told = partition_of(partition);
            match known.and_then(|known| known.partitions.get(index)) {
                Some(newer) if newer.leader_epoch > told.leader_epoch => newer.clone(),
                _ => told,
            }
        })
        .collect();
    Topic {
        name,
        id,
        is_internal: topic.is_internal,
        partitions,
    }
}

fn partition_of(partition: &MetadataResponsePartition) -> Partition {
    let nodes = |nodes: &[BrokerId]| nodes.iter().map(|node| NodeId(node.0)).collect();
    Partition {
        leader: Some(NodeId(partition.leader_id.0)).filter(|leader| leader.0 >= 0),
        leader_epoch: partition.leader_epoch,
        replicas: nodes(&partition.replica_nodes),
        in_sync: nodes(&partition.isr_nodes),
        offline: nodes(&partition.offline_replicas),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::answers::{metadata, metadata_topic};

    fn view(topics: Vec<MetadataResponseTopic>) -> ClusterView {
        let address = Address::new("one", 1);
        ClusterView::default()
            .after(&metadata(&[(1, address)], topics))
            .0
    }

    #[test]
    fn leaders_are_found_by_topic_and_partition() {
        let view = view(vec![metadata_topic("t", &[(1, 3), (-1, 3)])]);
        assert_eq!(view.leader("t", 0), Some(NodeId(1)));
        assert_eq!(view.leader("t", 1), None);
        assert_eq!(view.leader("t", 2), None);
        assert_eq!(view.leader("t", -1), None);
        assert_eq!(view.leader("u", 0), None);
    }

    #[test]
    fn brokers_are_forgotten_only_for_others() {
        let known = view(vec![]);
        let (after, _) = known.after(&metadata(&[], vec![]));
        assert_eq!(after.brokers, known.brokers);
        let (after, _) = known.after(&metadata(&[(2, Address::new("two", 2))], vec![]));
        assert_eq!(
            after.brokers.keys().copied().collect::<Vec<_>>(),
            [NodeId(2)]
        );
    }

    #[test]
    fn a_leader_epoch_never_goes_back() {
        let newer = view(vec![metadata_topic("t", &[(2, 7)])]);
        let (after, _) = newer.after(&metadata(&[], vec![metadata_topic("t", &[(1, 6)])]));
        assert_eq!(after.leader("t", 0), Some(NodeId(2)));
        let (after, _) = newer.after(&metadata(&[], vec![metadata_topic("t", &[(1, 7)])]));
        assert_eq!(after.leader("t", 0), Some(NodeId(1)));
    }

    #[test]
    fn the_epochs_of_a_topic_created_anew_begin_again() {
        let newer = view(vec![metadata_topic("t", &[(2, 7)])]);
        let reborn = metadata_topic("t", &[(1, 0)]).with_topic_id(uuid::Uuid::from_u128(99));
        let (after, _) = newer.after(&metadata(&[], vec![reborn]));
        assert_eq!(after.leader("t", 0), Some(NodeId(1)));
    }

    #[test]
    fn an_unknown_topic_leaves_the_view_and_another_error_does_not() {
        let known = view(vec![metadata_topic("t", &[(1, 0)])]);
        let said = |error: ErrorCode| {
            let topic = metadata_topic("t", &[]).with_error_code(error.code());
            known.after(&metadata(&[], vec![topic]))
        };
        let (after, errors) = said(ErrorCode::UnknownTopicOrPartition);
        assert!(after.topics.is_empty());
        assert_eq!(errors.0["t"], ErrorCode::UnknownTopicOrPartition);
        let (after, errors) = said(ErrorCode::LeaderNotAvailable);
        assert_eq!(after.topics.len(), 1);
        assert_eq!(errors.0["t"], ErrorCode::LeaderNotAvailable);
    }

    #[test]
    fn a_hint_counts_only_if_its_epoch_is_newer() {
        let view = view(vec![metadata_topic("t", &[(1, 3)])]);
        let hint = |epoch| LeaderHint {
            leader: Broker {
                id: NodeId(5),
                address: Address::new("five", 5),
                rack: None,
            },
            epoch,
        };
        assert!(view.after_hint("t", 0, &hint(3)).is_none());
        assert!(view.after_hint("t", 9, &hint(4)).is_none());
        let after = view.after_hint("t", 0, &hint(4)).unwrap();
        assert_eq!(after.leader("t", 0), Some(NodeId(5)));
        assert_eq!(after.brokers[&NodeId(5)].address, Address::new("five", 5));
    }

    #[test]
    fn partitions_come_in_order_and_end_at_a_hole() {
        let mut topic = metadata_topic("t", &[(1, 0), (2, 0), (3, 0)]);
        topic.partitions.swap(0, 2);
        assert_eq!(view(vec![topic.clone()]).leader("t", 2), Some(NodeId(3)));
        topic
            .partitions
            .retain(|partition| partition.partition_index != 1);
        assert_eq!(view(vec![topic]).topics["t"].partitions.len(), 1);
    }
}
