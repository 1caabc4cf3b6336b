//! What a group's members have in common: the protocol of a generation, the topics they want.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::LiveGroup;
use crate::subscription::{self, CONSUMER_PROTOCOL_TYPE};

impl LiveGroup {
    /// Whether everyone speaks it.
    pub(super) fn all_speak(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.speaks(protocol))
    }

    /// The protocol that most members like best among those that all speak; of two that are liked
    /// alike, the first by name. `None` without members.
    ///
    /// There is one, because nobody is let in who speaks none that all others speak.
    pub fn select_protocol(&self) -> Option<String> {
        let first = self.members.values().next()?;
        let names = first
            .protocols
            .iter()
            .map(|protocol| protocol.name.as_str());
        let candidates: BTreeSet<&str> = names.filter(|name| self.all_speak(name)).collect();
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut spoken = member
                .protocols
                .iter()
                .map(|protocol| protocol.name.as_str());
            let vote = spoken.find(|name| candidates.contains(name));
            *votes
                .entry(vote.expect("some protocol is spoken by all"))
                .or_default() += 1;
        }
        let best = votes
            .into_iter()
            .max_by_key(|(name, votes)| (*votes, Reverse(*name)));
        best.map(|(name, _)| name.to_owned())
    }

    /// Whether the members are consumers, as far as anyone knows.
    pub fn are_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// Whether a topic's offsets are in use. Of consumers whose subscriptions we cannot read we
    /// must think that they want any topic.
    pub fn is_subscribed_to(&self, topic: &str) -> bool {
        match &self.subscribed_topics {
            Some(topics) => topics.contains(topic),
            None => self.are_consumers(),
        }
    }

    /// The topics that the members want: `None` if they are not consumers, or if one of them says
    /// what we cannot read.
    pub(crate) fn read_subscribed_topics(&self) -> Option<BTreeSet<String>> {
        if !self.are_consumers() {
            return None;
        }
        if self.members.is_empty() {
            return Some(BTreeSet::new());
        }
        let protocol = self.protocol.as_deref()?;
        let mut all = BTreeSet::new();
        for member in self.members.values() {
            all.extend(subscription::subscribed_topics(&member.metadata(protocol)).ok()?);
        }
        Some(all)
    }
}
