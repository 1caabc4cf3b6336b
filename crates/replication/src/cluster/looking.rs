//! Looking after the groups: what they lead is claimed, who should lead them stands for election, who
//! should have their logs gets them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ottla_platform::seed::HashSet;
use ottla_protocol::types::NodeId;
use tokio::time::{sleep, sleep_until, timeout};

use super::elections::{Elections, Standing, View};
use super::in_sync::InSync;
use super::leaders::Leader;
use super::members::{Step, next_step};
use super::registry::Replica;
use super::seals::Seals;
use super::supervisor::Cluster;
use crate::partition::Partition;

/// Every so many looks it is judged which replicas keep up, and who leads is looked at whether or not
/// anything moved.
const LOOKS_PER_CHECK: u32 = 10;
/// Every so many looks all groups are looked at, whether or not anything stirred them.
const LOOKS_PER_SURVEY: u32 = 400;
/// What comes within this time after a nudge is looked at together.
const NUDGED_REST: Duration = Duration::from_millis(5);
/// How long a change of members may take before it is asked for again.
const CHANGE_MAX: Duration = Duration::from_secs(10);

/// What is known of the groups from one look to the next.
#[derive(Default)]
struct Lookout {
    /// The groups that do not rest.
    awake: BTreeSet<u64>,
    alive: BTreeSet<NodeId>,
    elections: Elections,
    sync: InSync,
    seals: Seals,
    looks: u32,
}

/// Looks after all groups, for ever.
pub(super) async fn look_after_groups(cluster: Arc<Cluster>) {
    let mut lookout = Lookout::default();
    let mut due = cluster.next_round(cluster.timing.look);
    loop {
        let nudged = tokio::select! {
            () = sleep_until(due) => false,
            () = cluster.attention.nudged() => true,
        };
        if nudged {
            sleep(NUDGED_REST).await;
        }
        lookout.look(&cluster, nudged);
        if !nudged {
            let rests = lookout.awake.is_empty();
            due = cluster.next_round(cluster.timing.look * if rests { 2 } else { 1 });
        }
    }
}

impl Lookout {
    fn look(&mut self, cluster: &Arc<Cluster>, nudged: bool) {
        let now = cluster.clock.monotonic();
        let alive = {
            let mut liveness = cluster.liveness.lock();
            liveness.look(now);
            liveness.alive(now)
        };
        let others_live = alive != self.alive;
        self.alive = alive;
        let (checks, surveys) = match nudged {
            true => (false, false),
            false => {
                let looks = self.looks;
                self.looks = looks.wrapping_add(1);
                let is_each = |many| looks.is_multiple_of(many);
                (is_each(LOOKS_PER_CHECK), is_each(LOOKS_PER_SURVEY))
            }
        };
        let replicas = self.wake(cluster, others_live || surveys);
        if checks {
            self.sync.check(&replicas, cluster.me(), now);
            cluster.change_members(&replicas, &self.sync, now);
        }
        if !nudged {
            self.seals.look(&replicas);
        }
        if nudged || checks || others_live || self.elections.has_orphans() {
            cluster.claim(&replicas, &self.sync, now);
            cluster.hold_elections(&mut self.elections, &replicas, now);
        }
        if checks {
            self.let_rest(cluster, &replicas, now);
        }
    }

    /// The replicas of the groups that do not rest; of all groups, if so many are to be looked at.
    fn wake(&mut self, cluster: &Cluster, all: bool) -> Vec<(u64, Replica)> {
        self.awake.append(&mut cluster.attention.take());
        if all {
            self.awake.extend(cluster.registry.groups());
        }
        let mut replicas = Vec::with_capacity(self.awake.len());
        let mut gone = Vec::new();
        for group in &self.awake {
            match cluster.registry.get(*group) {
                Some(replica) => {
                    if let Some(bell) = replica.partition.shared.bell.get() {
                        bell.heard();
                    }
                    replicas.push((*group, replica));
                }
                None => gone.push(*group),
            }
        }
        for group in &gone {
            self.awake.remove(group);
            self.sync.forget(*group);
            self.seals.forget(*group);
        }
        cluster.say(gone.into_iter().map(|group| (group, None)));
        replicas
    }

    /// Of these groups, looks no more at those of which nothing is left to do.
    fn let_rest(&mut self, cluster: &Cluster, replicas: &[(u64, Replica)], now: Duration) {
        for (group, replica) in replicas {
            let is_done = match cluster.standing(*group, replica, now) {
                Standing::Led => true,
                Standing::LedHere => self.is_done(cluster, *group, replica),
                Standing::Doubtful | Standing::Orphan => false,
            };
            if is_done && cluster.is_led_for_all_to_see(*group, replica, now) {
                self.awake.remove(group);
            }
        }
    }

    /// Whether the followers of a group that is led here have all that there is, and are who they
    /// should be.
    fn is_done(&self, cluster: &Cluster, group: u64, replica: &Replica) -> bool {
        let partition = &replica.partition;
        if partition.is_alone() {
            return true;
        }
        let next_index = partition.log().state().next_index;
        let is_as_wanted = || {
            let wanted = replica.wanted();
            wanted.is_none_or(|wanted| partition.members().are(&wanted))
        };
        self.seals.is_told(group, next_index)
            && self.sync.is_everywhere(group, next_index)
            && partition.shared.handing_over_for().is_none()
            && !cluster.changing.lock().contains(&group)
            && is_as_wanted()
    }
}

/// Has a replica found its group or stand for election. Raft says what comes of it.
async fn stand(replica: Replica) {
    let log = replica.partition.log();
    let is_empty = log.state().last.is_none() && log.read_vote().is_none();
    if is_empty && !replica.founders.is_empty() {
        // Every replica of the creation would found the same group, with the same first entry.
        replica.partition.found(&replica.founders).await;
    } else {
        replica.partition.stand().await;
    }
}

async fn change(cluster: Arc<Cluster>, group: u64, partition: Partition, step: Step) {
    // A change that a dead majority keeps from being committed is asked for again.
    let _ = timeout(CHANGE_MAX, partition.change_members(step)).await;
    cluster.changing.lock().remove(&group);
}

impl Cluster {
    /// Says which of these groups are led here: those whose leader still hears a majority.
    fn claim(&self, replicas: &[(u64, Replica)], sync: &InSync, now: Duration) {
        let claims = replicas.iter().map(|(group, replica)| {
            let partition = &replica.partition;
            if !partition.is_leader() {
                return (*group, None);
            }
            // A leader whose successor did not take over refuses records until there is another
            // one: who hears no claim of it stands for election.
            let heard = self.hears_majority(&replica.electorate(), now)
                && !partition.is_stuck_handing_over();
            partition.shared.set_silenced(!heard);
            let leader = heard.then(|| self.leader_here(*group, replica, sync, now));
            (*group, leader)
        });
        self.say(claims);
    }

    fn leader_here(&self, group: u64, replica: &Replica, sync: &InSync, now: Duration) -> Leader {
        let me = self.me();
        let alive = |node: &NodeId| *node == me || self.liveness.lock().is_alive(*node, now);
        let in_sync = replica.candidates().into_iter();
        let in_sync = in_sync.filter(|node| {
            alive(node) && (*node == me || sync.counts(group, *node, now, self.timing.lag_max))
        });
        Leader {
            node: me,
            epoch: replica.partition.leader_epoch(),
            in_sync: in_sync.collect(),
        }
    }

    /// Says of groups that they are led here, or not.
    fn say(&self, claims: impl Iterator<Item = (u64, Option<Leader>)>) {
        let claims: Vec<_> = claims.collect();
        for (group, leader) in &claims {
            match leader {
                Some(leader) => self.leaders.claim(*group, leader.clone()),
                None => self.leaders.resign(*group, self.me()),
            }
        }
        if self.claims.lock().set(claims) {
            self.news.send_modify(|moves| *moves += 1);
        }
    }

    /// Goes on with the changes of members of the groups that are led here.
    fn change_members(self: &Arc<Self>, replicas: &[(u64, Replica)], sync: &InSync, now: Duration) {
        for (group, replica) in replicas {
            if replica.partition.is_alone() || !replica.partition.is_leader() {
                continue;
            }
            let Some(wanted) = replica.wanted() else {
                continue;
            };
            let has_caught_up = |node| {
                let mut now_has = replica.partition.matched().into_iter();
                let now_has = now_has.find_map(|(other, next)| (other == node).then_some(next));
                self.is_alive(node)
                    && now_has.is_some_and(|next_index| {
                        sync.holds(*group, node, next_index, now, self.timing.lag_max)
                    })
            };
            let members = replica.partition.members();
            let is_heir = |node: &NodeId| {
                wanted.voters.contains_key(node)
                    && members.voters.contains_key(node)
                    && has_caught_up(*node)
            };
            let heir = replica.candidates().into_iter().find(is_heir);
            let Some(step) = next_step(self.me(), &members, &wanted, has_caught_up, heir) else {
                continue;
            };
            if self.changing.lock().insert(*group) {
                tokio::spawn(change(
                    Arc::clone(self),
                    *group,
                    replica.partition.clone(),
                    step,
                ));
            }
        }
    }

    fn hears_majority(&self, replicas: &[NodeId], now: Duration) -> bool {
        let liveness = self.liveness.lock();
        let heard = replicas
            .iter()
            .filter(|node| **node == self.me() || liveness.is_alive(**node, now))
            .count();
        heard * 2 > replicas.len()
    }

    /// Has replicas of groups without a leader stand for election.
    fn hold_elections(
        &self,
        elections: &mut Elections,
        replicas: &[(u64, Replica)],
        now: Duration,
    ) {
        let orphans: HashSet<u64> = self.orphans(elections, replicas, now).into_iter().collect();
        for (_, replica) in replicas.iter().filter(|(group, _)| orphans.contains(group)) {
            // It may wait for the disk, which is not to delay the next look.
            tokio::spawn(stand(replica.clone()));
        }
    }

    fn orphans(
        &self,
        elections: &mut Elections,
        replicas: &[(u64, Replica)],
        now: Duration,
    ) -> Vec<u64> {
        let views = replicas.iter().filter_map(|(group, replica)| {
            let standing = self.standing(*group, replica, now);
            let is_led = matches!(standing, Standing::Led | Standing::LedHere);
            let candidates = (!is_led).then(|| replica.candidates())?;
            replica.may_stand(self.me()).then_some(View {
                group: *group,
                standing,
                candidates,
            })
        });
        let is_alive = |node| self.liveness.lock().is_alive(node, now);
        elections.plan(now, self.me(), views, is_alive)
    }

    fn standing(&self, group: u64, replica: &Replica, now: Duration) -> Standing {
        let Some(leader) = replica.partition.leader() else {
            return Standing::Orphan;
        };
        if leader == self.me() {
            return match replica.partition.is_stuck_handing_over() {
                true => Standing::Orphan,
                false => Standing::LedHere,
            };
        }
        let liveness = self.liveness.lock();
        if liveness.is_dead(leader, now) {
            return Standing::Orphan;
        }
        match liveness.is_alive(leader, now) && !self.claims_to_lead(group, replica, leader) {
            true => Standing::Doubtful,
            false => Standing::Led,
        }
    }

    /// Whether the leader that a replica knows says that it leads, or one after it does.
    fn claims_to_lead(&self, group: u64, replica: &Replica, leader: NodeId) -> bool {
        let epoch = replica.partition.leader_epoch();
        let claim = self.leaders.get(group);
        claim.is_some_and(|claim| {
            claim.epoch > epoch || claim.epoch == epoch && claim.node == leader
        })
    }

    /// Whether a group's leader is alive and says that it leads.
    fn is_led_for_all_to_see(&self, group: u64, replica: &Replica, now: Duration) -> bool {
        replica.partition.leader().is_some_and(|leader| {
            let is_alive = leader == self.me() || self.liveness.lock().is_alive(leader, now);
            is_alive && self.claims_to_lead(group, replica, leader)
        })
    }
}
