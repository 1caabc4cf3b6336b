//! Names and ids given more than once in one request: Kafka refuses each of them once.

use std::collections::BTreeMap;

/// How often each item was given; an item is handled where it is first met.
pub(super) struct Repeated<T>(BTreeMap<T, usize>);

impl<T: Ord> Repeated<T> {
    pub(super) fn of(items: impl IntoIterator<Item = T>) -> Self {
        let mut counts = BTreeMap::new();
        for item in items {
            *counts.entry(item).or_insert(0) += 1;
        }
        Self(counts)
    }

    /// How often the item stands in the request, when it is met for the first time; later `None`.
    pub(super) fn first(&mut self, item: &T) -> Option<Occurrence> {
        match std::mem::take(self.0.get_mut(item)?) {
            0 => None,
            1 => Some(Occurrence::Single),
            _ => Some(Occurrence::Repeated),
        }
    }

    /// Whether the request has the item at all.
    pub(super) fn contains(&self, item: &T) -> bool {
        self.0.contains_key(item)
    }
}

/// How often an item stands in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occurrence {
    Single,
    Repeated,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_is_met_once_and_says_whether_it_was_repeated() {
        let items = ["a", "b", "a", "c", "a"];
        let mut repeated = Repeated::of(items);
        let met: Vec<_> = items.iter().map(|item| repeated.first(item)).collect();
        let (single, double) = (Some(Occurrence::Single), Some(Occurrence::Repeated));
        assert_eq!(met, [double, single, None, single, None]);
        assert!(repeated.contains(&"a") && !repeated.contains(&"d"));
    }
}
