//! What the leader of the metadata looks after: which brokers are in service, and which of them hold
//! the metadata and vote on it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ottla_metadata::growth::plan_growth;
use ottla_metadata::image::{Image, Topic};
use ottla_metadata::operations::{AlterReplicas, FenceBroker, RenewReplicas, misplaced};
use ottla_metadata::record::Vote;
use ottla_platform::clock::Clock;
use ottla_protocol::NodeId;
use ottla_replication::cluster::Cluster;
use ottla_replication::{Groups, Held, Partition};
use tokio::time::sleep;
use uuid::Uuid;

use super::MetadataHandle;
use super::quorum::QuorumWatch;
use crate::images::Images;
use crate::partitions::keys;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(500);

/// Partitions that get new replicas at a time.
const GROWING_AT_ONCE_MAX: usize = 20;

/// The task's parts.
pub struct Overseer {
    /// This broker.
    pub node_id: NodeId,
    /// The metadata here.
    pub partition: Partition,
    /// Changes who holds it.
    pub groups: Groups,
    /// Knows who is alive.
    pub peers: Arc<Cluster>,
    /// What this broker knows of the cluster.
    pub images: Arc<Images>,
    /// Takes brokers out of service.
    pub metadata: MetadataHandle,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How long a broker may be silent and be in service (`broker.session.timeout.ms`).
    pub session_max: Duration,
    /// How many replicas the partitions of a topic are to have, if nobody said.
    pub factor: Box<dyn Fn(&Topic) -> i16 + Send + Sync>,
    /// Watches who holds the metadata.
    pub quorum: Arc<QuorumWatch>,
    /// Whether all who found the cluster are registered.
    pub has_begun: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Overseer {
    /// Looks, whenever this broker leads the metadata, for ever.
    pub async fn run(self) {
        let mut sessions = Sessions::default();
        let mut looked_at: Option<Arc<Image>> = None;
        loop {
            sleep(LOOK).await;
            let is_alive = |node| node == self.node_id || self.peers.is_alive(node);
            self.quorum.look(is_alive);
            let Some(epoch) = self.partition.leads_in() else {
                // Whoever comes to lead gives everyone time to be heard.
                sessions = Sessions::default();
                looked_at = None;
                continue;
            };
            let image = self.images.current();
            let now = self.clock.monotonic();
            for fence in sessions.plan(now, self.session_max, &image, is_alive) {
                let (node, fenced) = (fence.broker, fence.fenced);
                // What is not decided now is asked again at the next look.
                if let Ok(Ok(())) = self.metadata.fence(fence).await {
                    match fenced {
                        true => tracing::warn!(%node, "a broker is silent: out of service"),
                        false => tracing::info!(%node, "a broker is back in service"),
                    }
                }
            }
            if (self.has_begun)() {
                self.seat_voters(&image, epoch);
            }
            if looked_at.as_ref().is_none_or(|it| !Arc::ptr_eq(it, &image)) {
                let first = misplaced(&image).next().map(|(broker, ..)| broker);
                match first {
                    Some(broker) => self.renew_replicas(&image, broker).await,
                    None if self.grow(&image).await => {}
                    None => looked_at = Some(image),
                }
            }
        }
    }

    /// Has those hold the metadata who are to.
    fn seat_voters(&self, image: &Image, epoch: i32) {
        let (voters, learners) = plan_voters(&self.partition.voters(), image);
        // Who was unregistered and is the last goes on alone.
        if !voters.is_empty() {
            let seats = |nodes: Vec<NodeId>| keys(nodes.into_iter().map(|it| seat(image, it)));
            let (voters, learners) = (seats(voters), seats(learners));
            let held = Held::InEpoch(epoch);
            self.groups
                .set_members(&self.partition, voters, learners, held);
        }
    }

    /// Has partitions get the replicas that there are brokers for; whether any do.
    async fn grow(&self, image: &Image) -> bool {
        let partitions = plan_growth(image, &self.factor, GROWING_AT_ONCE_MAX);
        if partitions.is_empty() {
            return false;
        }
        tracing::info!(
            partitions = partitions.len(),
            "more brokers: partitions get more replicas"
        );
        let grow = AlterReplicas {
            partitions,
            may_change_factor: true,
            is_growth: true,
        };
        self.metadata.alter_replicas(grow).await.is_ok()
    }

    /// A broker has come back with another log directory.
    async fn renew_replicas(&self, image: &Image, broker: NodeId) {
        let broker_epoch = image.broker(broker).map_or(-1, |it| it.epoch);
        let renew = RenewReplicas {
            broker,
            broker_epoch,
        };
        if let Ok(Ok(replicas @ 1..)) = self.metadata.renew_replicas(renew).await {
            tracing::warn!(
                %broker,
                replicas,
                "a broker came back with another log directory: its replicas there begin anew"
            );
        }
    }
}

/// A broker with its log directory.
fn seat(image: &Image, node: NodeId) -> (NodeId, Uuid) {
    let broker = image.broker(node);
    let directory = broker.and_then(|broker| broker.directories.first());
    (node, directory.copied().unwrap_or_default())
}

/// Since when brokers have been silent.
#[derive(Debug, Default)]
struct Sessions {
    silent_since: BTreeMap<NodeId, Duration>,
}

impl Sessions {
    /// Who is to go out of service or back into it.
    fn plan(
        &mut self,
        now: Duration,
        session_max: Duration,
        image: &Image,
        is_alive: impl Fn(NodeId) -> bool,
    ) -> Vec<FenceBroker> {
        let mut fences = Vec::new();
        for broker in image.brokers() {
            let silent = if is_alive(broker.id) {
                self.silent_since.remove(&broker.id);
                Duration::ZERO
            } else {
                now.saturating_sub(*self.silent_since.entry(broker.id).or_insert(now))
            };
            let fenced = match broker.fenced {
                true => !silent.is_zero() || !is_alive(broker.id),
                false => silent > session_max,
            };
            if fenced != broker.fenced {
                fences.push(FenceBroker {
                    broker: broker.id,
                    broker_epoch: broker.epoch,
                    fenced,
                });
            }
        }
        let is_known = |node: &NodeId| image.broker(*node).is_some();
        self.silent_since.retain(|node, _| is_known(node));
        fences
    }
}

/// Most that vote on the metadata.
const VOTERS_MAX: usize = 5;

/// Who should vote on the metadata, and who else should have it: an odd number of voters, as many as
/// there are brokers for and five at most. Voters stay as they are for as long as they can; one
/// that is out of service gives way where another broker can take its place.
///
/// What somebody said of a broker counts more: one that was removed does not vote, unless nobody
/// else could; one that was added does, however many that makes.
fn plan_voters(voters: &[NodeId], image: &Image) -> (Vec<NodeId>, Vec<NodeId>) {
    let brokers: BTreeSet<NodeId> = image.brokers().map(|broker| broker.id).collect();
    let has = |node: &NodeId, vote| image.broker(*node).is_some_and(|it| it.vote == vote);
    let is_active = |node: &NodeId| image.broker(*node).is_some_and(|it| it.is_active());
    let all_are_removed = brokers.iter().all(|node| has(node, Vote::Never));
    let may_vote = |node: &NodeId| all_are_removed || !has(node, Vote::Never);
    let mut ranked: Vec<NodeId> = brokers.iter().copied().filter(may_vote).collect();
    let odd = ranked.len().saturating_sub(1) / 2 * 2 + 1;
    let now: BTreeSet<NodeId> = voters
        .iter()
        .copied()
        .filter(|it| ranked.contains(it))
        .collect();
    // Whoever is silent does not begin to vote.
    ranked.retain(|node| is_active(node) || now.contains(node));
    let is_added = |node: &&NodeId| has(node, Vote::Always) && !now.contains(node);
    let added = ranked.iter().filter(is_added).count();
    let count = odd.min(VOTERS_MAX).max(now.len() + added);
    ranked.sort_by_key(|node| match (is_active(node), now.contains(node)) {
        _ if has(node, Vote::Always) => 0,
        (true, true) => 1,
        (true, false) => 2,
        (false, true) => 3,
        (false, false) => 4,
    });
    ranked.truncate(count);
    ranked.sort();
    let learners = brokers.into_iter().filter(|node| !ranked.contains(node));
    let learners = learners.collect();
    (ranked, learners)
}

#[cfg(test)]
mod tests {
    use ottla_metadata::record::{Record, RegisterBrokerRecord};

    use super::*;

    /// Brokers of these numbers, those below zero out of service.
    fn image(brokers: &[i32]) -> Image {
        image_where(brokers, |_| Vote::AsNeeded)
    }

    fn image_where(brokers: &[i32], vote: impl Fn(i32) -> Vote) -> Image {
        let mut image = Image::default();
        for id in brokers {
            image.apply(&Record::RegisterBroker(RegisterBrokerRecord {
                starts: 1,
                broker_id: NodeId(id.abs()),
                incarnation_id: Uuid::nil(),
                broker_epoch: 7,
                endpoints: Vec::new(),
                features: Vec::new(),
                rack: None,
                fenced: *id < 0,
                in_controlled_shutdown: false,
                log_dirs: Vec::new(),
                vote: vote(id.abs()),
            }));
        }
        image
    }

    fn voters(now: &[i32], brokers: &[i32]) -> Vec<i32> {
        voters_where(now, brokers, &[], &[])
    }

    fn voters_where(now: &[i32], brokers: &[i32], added: &[i32], removed: &[i32]) -> Vec<i32> {
        let now: Vec<NodeId> = now.iter().copied().map(NodeId).collect();
        let image = image_where(brokers, |id| match () {
            () if added.contains(&id) => Vote::Always,
            () if removed.contains(&id) => Vote::Never,
            () => Vote::AsNeeded,
        });
        let (voters, learners) = plan_voters(&now, &image);
        assert_eq!(voters.len() + learners.len(), brokers.len());
        voters.into_iter().map(|node| node.0).collect()
    }

    #[test]
    fn voters_grow_with_the_cluster_and_are_an_odd_number() {
        assert_eq!(voters(&[1], &[1]), [1]);
        assert_eq!(voters(&[1], &[1, 2]), [1]);
        assert_eq!(voters(&[1], &[1, 2, 3]), [1, 2, 3]);
        assert_eq!(voters(&[2, 3, 4], &[1, 2, 3, 4]), [2, 3, 4]);
        assert_eq!(voters(&[1, 2, 3], &[1, 2, 3, 4, 5, 6]), [1, 2, 3, 4, 5]);
        assert_eq!(voters(&[1, 2], &[1, 2]), [1, 2]);
    }

    #[test]
    fn a_silent_voter_gives_way_only_to_another() {
        assert_eq!(voters(&[1, 2, 3], &[-1, 2, 3]), [1, 2, 3]);
        assert_eq!(voters(&[1, 2, 3], &[-1, 2, 3, 4]), [2, 3, 4]);
        assert_eq!(voters(&[1, 2, 3], &[1, 2]), [1, 2]);
        assert_eq!(voters(&[1], &[1, -2, -3]), [1]);
    }

    #[test]
    fn who_was_removed_does_not_vote_unless_nobody_else_could() {
        assert_eq!(voters_where(&[1, 2, 3], &[1, 2, 3], &[], &[3]), [1, 2]);
        assert_eq!(voters_where(&[1, 2], &[1, 2, 3], &[], &[3]), [1, 2]);
        assert_eq!(voters_where(&[1, 2], &[1, 2, 3, 4], &[], &[3]), [1, 2, 4]);
        assert_eq!(voters_where(&[1, 2], &[1, 2, 3], &[3], &[]), [1, 2, 3]);
        assert_eq!(voters_where(&[1], &[1, 2, 3], &[], &[2, 3]), [1]);
        assert_eq!(voters_where(&[1], &[1], &[], &[1]), [1]);
        assert!(voters_where(&[1, 2], &[], &[], &[]).is_empty());
    }

    #[test]
    fn who_was_added_votes_odd_or_not_and_nobody_goes_for_it() {
        assert_eq!(voters_where(&[1], &[1, 2], &[2], &[]), [1, 2]);
        let four = [1, 2, 3, 4];
        assert_eq!(voters_where(&[1, 2, 3], &four, &[4], &[]), four);
        assert_eq!(voters_where(&four, &four, &[4], &[]), four);
        let six = [1, 2, 3, 4, 5, 6];
        assert_eq!(voters_where(&six[..5], &six, &[6], &[]), six);
        assert_eq!(voters_where(&six, &six, &[6], &[]), six);
        assert_eq!(
            voters_where(&[1, 2, 3], &[1, 2, 3, -4], &[4], &[]),
            [1, 2, 3]
        );
        assert_eq!(
            voters_where(&four, &[1, 2, 3, -4, 5], &[4], &[]),
            [1, 2, 3, 4, 5]
        );
    }

    #[test]
    fn a_silent_broker_goes_out_of_service_and_comes_back() {
        let ms = Duration::from_millis;
        let mut sessions = Sessions::default();
        let mut plan = |at, brokers: &[i32], alive: &[i32]| {
            let is_alive = |node: NodeId| alive.contains(&node.0);
            let plan = sessions.plan(ms(at), ms(1000), &image(brokers), is_alive);
            plan.iter()
                .map(|it| (it.broker.0, it.fenced))
                .collect::<Vec<_>>()
        };
        assert_eq!(plan(0, &[1, 2], &[1]), []);
        assert_eq!(plan(1000, &[1, 2], &[1]), []);
        assert_eq!(plan(1001, &[1, 2], &[1]), [(2, true)]);
        assert_eq!(plan(1500, &[1, -2], &[1]), []);
        assert_eq!(plan(2000, &[1, -2], &[1, 2]), [(2, false)]);
        assert_eq!(plan(2500, &[1, 2], &[1, 2]), []);
    }
}
