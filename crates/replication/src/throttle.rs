//! Replication quotas (KIP-73): how fast replicas that do not keep up may be brought up to date.
//!
//! A broker has two rates: of what it sends as a leader, and of what it takes as a follower. A
//! topic's settings name the replicas that count on either side. Replicas in sync are never held up.
//! It is the leader that waits, on either side, before it sends: what is on its way to a follower
//! counts against what all groups may have under way to that broker.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes};
use ottla_platform::clock::Clock;
use ottla_protocol::types::NodeId;
use parking_lot::Mutex;
use tokio::time::sleep;

use crate::cluster::Leaders;
use crate::shared::Shared;
use crate::transport::{Kind, Link};

/// How long a refusal holds at most: a rate may change, and be lifted.
const HOLDS_MAX: Duration = Duration::from_secs(1);

/// The replicas of a partition that a topic's settings name, as far as their rates count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Throttled {
    /// `leader.replication.throttled.replicas`: what these send.
    pub leaders: Named,
    /// `follower.replication.throttled.replicas`: what these take.
    pub followers: Named,
}

/// Some of a partition's replicas, by their brokers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Each.
    All,
    /// Those on these brokers.
    Some(Vec<NodeId>),
}

impl Default for Named {
    /// None.
    fn default() -> Named {
        Named::Some(Vec::new())
    }
}

impl Named {
    fn has(&self, node: NodeId) -> bool {
        match self {
            Named::All => true,
            Named::Some(nodes) => nodes.contains(&node),
        }
    }
}

/// What a broker may send and take, in bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThrottledRates {
    /// `leader.replication.throttled.rate`.
    pub leader: u64,
    /// `follower.replication.throttled.rate`.
    pub follower: u64,
}

/// The quotas of this broker.
pub(crate) struct Throttles {
    clock: Arc<dyn Clock>,
    leaders: Arc<Leaders>,
    sending: Mutex<Quota>,
    taking: Mutex<Quota>,
}

impl Throttles {
    /// Those of a broker that may do what it can.
    pub(crate) fn new(clock: Arc<dyn Clock>, leaders: Arc<Leaders>) -> Throttles {
        Throttles {
            clock,
            leaders,
            sending: Mutex::default(),
            taking: Mutex::default(),
        }
    }

    /// The rates from now on.
    pub(crate) fn set_rates(&self, rates: ThrottledRates) {
        self.sending.lock().rate = rates.leader;
        self.taking.lock().rate = rates.follower;
    }

    /// Lets a leader that asks send so many bytes here, or says how long to wait, in milliseconds.
    pub(crate) fn answer(&self, body: &[u8]) -> Option<Bytes> {
        let bytes = u64::from_be_bytes(body.try_into().ok()?);
        let passed = self.taking.lock().pass(bytes, self.clock.monotonic());
        let wait = passed.err().unwrap_or_default().min(HOLDS_MAX);
        // Rounded up: who comes too early asks twice.
        let wait_ms = u32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(u32::MAX);
        Some(Bytes::copy_from_slice(&wait_ms.to_be_bytes()))
    }

    fn keeps_up(&self, group: u64, node: NodeId) -> bool {
        let leader = self.leaders.get(group);
        leader.is_none_or(|leader| leader.in_sync.contains(&node))
    }
}

/// What holds up a group's leader here.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) shared: Arc<Shared>,
    pub(crate) throttles: Arc<Throttles>,
}

impl Gate {
    /// Waits until so many bytes may be sent to a follower.
    pub(crate) async fn pass(&self, link: &Link, follower: NodeId, bytes: u64) {
        while let Err(wait) = self.pass_here(follower, bytes) {
            sleep(wait).await;
        }
        while let Err(wait) = self.pass_there(link, follower, bytes).await {
            sleep(wait).await;
        }
    }

    fn pass_here(&self, follower: NodeId, bytes: u64) -> Result<(), Duration> {
        let me = NodeId(self.shared.me.0);
        if !self.shared.throttled().leaders.has(me) || self.keeps_up(follower) {
            return Ok(());
        }
        let now = self.throttles.clock.monotonic();
        let passed = self.throttles.sending.lock().pass(bytes, now);
        passed.map_err(|wait| wait.min(HOLDS_MAX))
    }

    /// A follower that does not say is not waited for: what is sent there fails, or it knows no quotas.
    async fn pass_there(&self, link: &Link, follower: NodeId, bytes: u64) -> Result<(), Duration> {
        if !self.shared.throttled().followers.has(follower) || self.keeps_up(follower) {
            return Ok(());
        }
        let body = vec![Bytes::copy_from_slice(&bytes.to_be_bytes())];
        let asked = link.ask(Kind::Quota, self.group(), body).await;
        match asked.ok().and_then(|mut answer| answer.try_get_u32().ok()) {
            None | Some(0) => Ok(()),
            Some(wait_ms) => Err(Duration::from_millis(wait_ms.into())),
        }
    }

    fn keeps_up(&self, follower: NodeId) -> bool {
        self.throttles.keeps_up(self.group(), follower)
    }

    fn group(&self) -> u64 {
        self.shared.log.identity().group_id
    }
}

/// A rate, and what has passed faster than that. As much as the rate allows in a second may pass at
/// once, and whatever passes then does so whole.
struct Quota {
    /// In bytes per second; [`u64::MAX`] is none.
    rate: u64,
    /// Bytes that passed and are not paid for by time, as of `at`.
    debt: f64,
    at: Duration,
}

impl Default for Quota {
    fn default() -> Quota {
        Quota {
            rate: u64::MAX,
            debt: 0.0,
            at: Duration::ZERO,
        }
    }
}

impl Quota {
    /// Lets so many bytes pass, or says after which time it may.
    fn pass(&mut self, bytes: u64, now: Duration) -> Result<(), Duration> {
        if self.rate == u64::MAX {
            self.debt = 0.0;
            return Ok(());
        }
        let rate = self.rate as f64;
        let paid = rate * now.saturating_sub(self.at).as_secs_f64();
        self.debt = (self.debt - paid).max(0.0);
        self.at = now;
        let excess = self.debt - rate;
        if excess > 0.0 || self.rate == 0 {
            let wait = Duration::try_from_secs_f64(excess / rate);
            return Err(wait.unwrap_or(Duration::MAX));
        }
        self.debt += bytes as f64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(rate: u64) -> Quota {
        Quota {
            rate,
            ..Quota::default()
        }
    }

    #[test]
    fn what_is_too_much_at_once_is_paid_for_by_time() {
        let mut quota = quota(100);
        let second = Duration::from_secs(1);
        assert_eq!(quota.pass(250, second), Ok(()));
        assert_eq!(quota.pass(1, second), Err(Duration::from_millis(1500)));
        assert_eq!(quota.pass(1, 2 * second), Err(Duration::from_millis(500)));
        assert_eq!(quota.pass(1, Duration::from_millis(2500)), Ok(()));
    }

    #[test]
    fn a_rate_of_zero_lets_nothing_pass_and_none_everything() {
        let mut quota = quota(0);
        let wait = quota.pass(1, Duration::from_secs(9)).unwrap_err();
        assert!(wait >= HOLDS_MAX);
        quota.rate = u64::MAX;
        assert_eq!(quota.pass(u64::MAX, Duration::ZERO), Ok(()));
        // What passed meanwhile is not held against a rate that comes later.
        quota.rate = 1;
        assert_eq!(quota.pass(1, Duration::ZERO), Ok(()));
    }

    proptest! {
        /// Whoever waits as told passes, and over any time no more does than the rate allows, one second's
        /// worth, and one piece.
        #[test]
        fn the_rate_holds(rate in 1_u64..1_000_000, sizes in proptest::collection::vec(1_u64..100_000, 1..100)) {
            let mut quota = quota(rate);
            let (mut now, mut passed) = (Duration::ZERO, 0);
            for size in sizes {
                while let Err(wait) = quota.pass(size, now) {
                    now += wait + Duration::from_nanos(1);
                }
                let allowed = (now.as_secs_f64() + 1.0) * rate as f64;
                prop_assert!(passed as f64 <= allowed + 1.0, "{passed} in {now:?}");
                passed += size;
            }
        }
    }
}
