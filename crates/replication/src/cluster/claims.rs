//! Which groups this broker leads, with a version for each change, so that a peer is told only
//! what it does not know yet.

use std::collections::BTreeMap;

use super::leaders::Leader;

/// Resignations that are remembered for those who missed them; who missed more is told everything.
const RESIGNED_MAX: usize = 10_000;

/// Everything that changed after one version, up to another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct News {
    /// What the peer must know already; 0: nothing, and what is not named is not led.
    pub(super) after: u64,
    /// What it knows then.
    pub(super) version: u64,
    /// Groups, and their leader, this broker; none if it leads them no more.
    pub(super) changes: Vec<(u64, Option<Leader>)>,
}

/// See the file's head.
#[derive(Debug, Default)]
pub(super) struct Claims {
    version: u64,
    leads: BTreeMap<u64, (u64, Leader)>,
    resigned: BTreeMap<u64, u64>,
    /// Resignations up to this version may be forgotten.
    forgotten: u64,
}

impl Claims {
    /// What this broker leads now, of some groups, and what not; whether that is news.
    pub(super) fn set(&mut self, now: impl IntoIterator<Item = (u64, Option<Leader>)>) -> bool {
        let next = self.version + 1;
        let mut changed = false;
        for (group, leader) in now {
            let known = self.leads.get(&group).map(|(_, leader)| leader);
            if known == leader.as_ref() {
                continue;
            }
            changed = true;
            match leader {
                Some(leader) => {
                    self.leads.insert(group, (next, leader));
                    self.resigned.remove(&group);
                }
                None => {
                    self.leads.remove(&group);
                    self.resigned.insert(group, next);
                }
            }
        }
        if self.resigned.len() > RESIGNED_MAX {
            self.forgotten = next;
            self.resigned.clear();
        }
        if changed {
            self.version = next;
        }
        changed
    }

    /// What a peer must be told that knows everything up to a version.
    pub(super) fn news(&self, known: u64) -> News {
        if known == self.version {
            return News {
                after: known,
                version: known,
                changes: Vec::new(),
            };
        }
        let full = known == 0 || known < self.forgotten || known > self.version;
        let after = if full { 0 } else { known };
        let led = self
            .leads
            .iter()
            .filter(|(_, (version, _))| *version > after)
            .map(|(group, (_, leader))| (*group, Some(leader.clone())));
        let resigned = self
            .resigned
            .iter()
            .filter(|(_, version)| !full && **version > after)
            .map(|(group, _)| (*group, None));
        News {
            after,
            version: self.version,
            changes: led.chain(resigned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_protocol::types::NodeId;

    /// Leads some groups, in those epochs, and of others nothing any more.
    fn leads(groups: &[(u64, Option<i32>)]) -> Vec<(u64, Option<Leader>)> {
        let leader = |epoch| Leader {
            node: NodeId(1),
            epoch,
            in_sync: [NodeId(1)].into(),
        };
        let groups = groups.iter();
        groups
            .map(|(group, epoch)| (*group, epoch.map(leader)))
            .collect()
    }

    fn told(news: &News) -> Vec<(u64, Option<i32>)> {
        let epoch = |leader: &Option<Leader>| leader.as_ref().map(|leader| leader.epoch);
        let changes = news.changes.iter();
        changes
            .map(|(group, leader)| (*group, epoch(leader)))
            .collect()
    }

    #[test]
    fn only_what_changed_is_told_and_a_newcomer_is_told_everything() {
        let mut claims = Claims::default();
        assert!(claims.set(leads(&[(1, Some(1)), (2, Some(1))])));
        assert!(!claims.set(leads(&[(2, Some(1)), (3, None)])));
        let first = claims.news(0);
        assert_eq!(told(&first), [(1, Some(1)), (2, Some(1))]);
        assert!(claims.set(leads(&[(1, Some(3)), (2, None)])));
        let second = claims.news(first.version);
        assert_eq!(second.after, first.version);
        assert_eq!(told(&second), [(1, Some(3)), (2, None)]);
        assert_eq!(told(&claims.news(second.version)), []);
        let newcomer = claims.news(0);
        assert_eq!((newcomer.after, told(&newcomer)), (0, vec![(1, Some(3))]));
    }

    #[test]
    fn who_missed_forgotten_resignations_is_told_everything() {
        let mut claims = Claims::default();
        let many = 0..RESIGNED_MAX as u64 + 2;
        let all = |epoch| many.clone().map(|group| (group, epoch)).collect::<Vec<_>>();
        claims.set(leads(&all(Some(1))));
        let known = claims.news(0).version;
        claims.set(leads(&all(None)));
        claims.set(leads(&[(7, Some(1))]));
        let news = claims.news(known);
        assert_eq!((news.after, told(&news)), (0, vec![(7, Some(1))]));
    }
}
