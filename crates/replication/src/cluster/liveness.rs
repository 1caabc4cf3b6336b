//! Who is alive: a pure judge of echoes. A peer is alive while it answered a beat that was sent
//! within the last silence that is allowed; so both directions work. A judge that was itself held
//! up accuses nobody until it has had a chance to hear.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ottla_protocol::types::NodeId;

/// See the file's head. Times are of one monotonic clock.
#[derive(Debug)]
pub(super) struct Liveness {
    silence_max: Duration,
    heard: BTreeMap<NodeId, Duration>,
    looked: Option<Duration>,
    /// Nobody is accused before this.
    lenient_until: Duration,
}

impl Liveness {
    /// A judge that begins now: everyone gets one silence to be heard.
    pub(super) fn new(silence_max: Duration, now: Duration) -> Liveness {
        Liveness {
            silence_max,
            heard: BTreeMap::new(),
            looked: None,
            lenient_until: now + silence_max,
        }
    }

    /// A peer answered a beat that was sent then.
    pub(super) fn echoed(&mut self, node: NodeId, sent: Duration) {
        let heard = self.heard.entry(node).or_default();
        *heard = sent.max(*heard);
    }

    /// A peer's connections broke: it is dead until it is heard again. Whether that is news.
    pub(super) fn broke(&mut self, node: NodeId) -> bool {
        self.heard.remove(&node).is_some()
    }

    /// To be called at least twice in each silence that is allowed.
    pub(super) fn look(&mut self, now: Duration) {
        let held_up = self
            .looked
            .is_some_and(|looked| now > looked + self.silence_max / 2);
        if held_up {
            self.lenient_until = now + self.silence_max;
        }
        self.looked = Some(now);
    }

    /// Whether a peer was heard lately: what is built on it being alive may be.
    pub(super) fn is_alive(&self, node: NodeId, now: Duration) -> bool {
        let heard = self.heard.get(&node);
        heard.is_some_and(|heard| now <= *heard + self.silence_max)
    }

    /// Those who were heard lately.
    pub(super) fn alive(&self, now: Duration) -> BTreeSet<NodeId> {
        let nodes = self.heard.keys().copied();
        nodes.filter(|node| self.is_alive(*node, now)).collect()
    }

    /// Whether a peer is to be taken for dead: it was not heard, and we were listening.
    pub(super) fn is_dead(&self, node: NodeId, now: Duration) -> bool {
        now >= self.lenient_until && !self.is_alive(node, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: NodeId = NodeId(2);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_peer_lives_as_long_as_it_answers() {
        let mut judge = Liveness::new(ms(400), ms(0));
        assert!(!judge.is_alive(PEER, ms(10)) && !judge.is_dead(PEER, ms(10)));
        judge.echoed(PEER, ms(100));
        assert!(judge.is_alive(PEER, ms(500)));
        assert!(judge.is_dead(PEER, ms(501)));
        judge.echoed(PEER, ms(600));
        judge.echoed(PEER, ms(550));
        assert!(judge.is_alive(PEER, ms(1000)));
    }

    #[test]
    fn a_broken_connection_is_death_at_once() {
        let mut judge = Liveness::new(ms(400), ms(0));
        judge.echoed(PEER, ms(500));
        assert!(judge.broke(PEER));
        assert!(!judge.broke(PEER));
        assert!(judge.is_dead(PEER, ms(501)));
    }

    #[test]
    fn who_was_held_up_accuses_nobody() {
        let mut judge = Liveness::new(ms(400), ms(0));
        judge.echoed(PEER, ms(1000));
        judge.look(ms(1000));
        judge.look(ms(3000));
        assert!(!judge.is_dead(PEER, ms(3000)) && !judge.is_alive(PEER, ms(3000)));
        (3100..=3400).step_by(100).for_each(|at| judge.look(ms(at)));
        assert!(judge.is_dead(PEER, ms(3400)));
    }
}
