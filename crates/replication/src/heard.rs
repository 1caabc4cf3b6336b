//! When members of a group were last heard by its leader: what its lease rests on.
//!
//! openraft keeps a clock of its own for that, but takes an answer for one to everything that ends where the
//! answer does, even what was made while the answer waited in a socket. A leader that was paused, and finds the
//! answers of before, would then take its lease for a fresh one, while others may have elected another. Here an
//! answer is for the request that it answers.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::types::Member;

/// When each member was last heard, in the newest term in which any was.
#[derive(Debug, Default)]
pub(crate) struct Heard(Mutex<InTerm>);

#[derive(Debug, Default)]
struct InTerm {
    term: i32,
    members: BTreeMap<Member, Instant>,
}

impl Heard {
    /// A member has accepted what the leader of this term sent it at that time.
    pub(crate) fn tell(&self, member: Member, term: i32, sent: Instant) {
        let mut now = self.0.lock();
        if term > now.term {
            *now = InTerm {
                term,
                members: BTreeMap::new(),
            };
        }
        if term == now.term {
            let last = now.members.entry(member).or_insert(sent);
            *last = sent.max(*last);
        }
    }

    /// Since when a majority of each of these sets of voters has accepted the leader of this term, who is one
    /// of them.
    pub(crate) fn by_majorities(
        &self,
        term: i32,
        leader: Member,
        voters: &[BTreeSet<Member>],
    ) -> Option<Instant> {
        let now = self.0.lock();
        let of_set = |set: &BTreeSet<Member>| {
            let others = set.iter().filter(|member| **member != leader);
            let mut times: Vec<Option<Instant>> = others
                .map(|member| now.members.get(member).copied())
                .collect();
            times.sort_unstable_by(|one, other| other.cmp(one));
            let needed = set.len() / 2 + 1 - usize::from(set.contains(&leader));
            match needed.checked_sub(1) {
                Some(last) => times.get(last).copied().flatten(),
                None => Some(Instant::now()),
            }
        };
        let times: Option<Vec<Instant>> = voters.iter().map(of_set).collect();
        times
            .filter(|_| now.term == term)
            .and_then(|all| all.into_iter().min())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ME: Member = Member(1);

    fn set(members: &[i32]) -> BTreeSet<Member> {
        members.iter().copied().map(Member).collect()
    }

    #[test]
    fn a_majority_is_heard_since_the_last_that_it_needs() {
        let (heard, start) = (Heard::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let three = [set(&[1, 2, 3])];
        assert_eq!(heard.by_majorities(4, ME, &three), None);
        heard.tell(Member(2), 4, at(5));
        heard.tell(Member(2), 4, at(3));
        assert_eq!(heard.by_majorities(4, ME, &three), Some(at(5)));
        heard.tell(Member(3), 4, at(7));
        assert_eq!(heard.by_majorities(4, ME, &three), Some(at(7)));
        // Without a voice of its own it needs both.
        assert_eq!(heard.by_majorities(4, ME, &[set(&[2, 3])]), Some(at(5)));
        // Members that come and those that go, each by majority.
        let joint = [set(&[1, 2, 3]), set(&[1, 4, 5])];
        assert_eq!(heard.by_majorities(4, ME, &joint), None);
        heard.tell(Member(5), 4, at(6));
        assert_eq!(heard.by_majorities(4, ME, &joint), Some(at(6)));
    }

    #[test]
    fn what_was_heard_in_another_term_is_forgotten() {
        let (heard, now) = (Heard::default(), Instant::now());
        let three = [set(&[1, 2, 3])];
        heard.tell(Member(2), 4, now);
        assert_eq!(heard.by_majorities(5, ME, &three), None);
        heard.tell(Member(2), 5, now);
        heard.tell(Member(3), 4, now + Duration::from_secs(1));
        assert_eq!(heard.by_majorities(5, ME, &three), Some(now));
        assert_eq!(heard.by_majorities(4, ME, &three), None);
    }

    #[test]
    fn who_votes_alone_is_always_heard() {
        let heard = Heard::default();
        heard.tell(Member(9), 1, Instant::now());
        assert!(heard.by_majorities(1, ME, &[set(&[1])]).is_some());
    }
}
