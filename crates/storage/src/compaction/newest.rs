//! Where the newest record of each key is.
//!
//! Of a key only 128 bits of hash are kept, by two hashers with keys that nobody knows, so that two keys that
//! share them do not happen, even on purpose. Kafka's `SkimpyOffsetMap` does the same with MD5.

use std::hash::{BuildHasher, Hasher};

use ottla_platform::seed::Hashing;

/// An open-addressed table of a fixed number of slots.
pub(crate) struct Newest {
    hashing: [Hashing; 2],
    slots: Vec<Slot>,
    len: usize,
    len_max: usize,
}

#[derive(Clone, Copy)]
struct Slot {
    key: [u64; 2],
    /// Negative: nothing is here.
    offset: i64,
}

/// Bytes of memory for one key.
pub(crate) const SLOT_BYTES: usize = size_of::<Slot>();
/// Emptier than this it does not get faster.
const LOAD_MIN: f64 = 0.1;
const EMPTY: Slot = Slot {
    key: [0; 2],
    offset: -1,
};

impl Newest {
    /// Room for this many keys with so large a share of slots in use.
    pub(crate) fn with_room(keys: usize, load_factor: f64) -> Newest {
        let slots = (keys as f64 / load_factor.max(LOAD_MIN)).ceil() as usize + 1;
        Newest {
            hashing: [Hashing::default(), Hashing::default()],
            slots: vec![EMPTY; slots],
            len: 0,
            len_max: keys,
        }
    }

    /// Notes a record; false if its key is another one and there is no room.
    pub(crate) fn note(&mut self, key: &[u8], offset: i64) -> bool {
        let key = self.hash(key);
        let at = self.find(key);
        let slot = &mut self.slots[at];
        if slot.offset < 0 {
            if self.len == self.len_max {
                return false;
            }
            self.len += 1;
        }
        *slot = Slot { key, offset };
        true
    }

    /// The offset noted last for a key.
    pub(crate) fn offset_of(&self, key: &[u8]) -> Option<i64> {
        let slot = self.slots[self.find(self.hash(key))];
        (slot.offset >= 0).then_some(slot.offset)
    }

    /// Keys noted.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let [first, second] = &self.hashing;
        let hash = |hashing: &Hashing, salt: u8| {
            let mut hasher = hashing.build_hasher();
            hasher.write_u8(salt);
            hasher.write(key);
            hasher.finish()
        };
        [hash(first, 0), hash(second, 1)]
    }

    /// The slot of a key, or the empty one where it would be.
    fn find(&self, key: [u64; 2]) -> usize {
        let slots = self.slots.len();
        let wide = u128::from(key[0]) * slots as u128;
        let mut at = (wide >> 64) as usize;
        while self.slots[at].offset >= 0 && self.slots[at].key != key {
            at = if at + 1 == slots { 0 } else { at + 1 };
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_a_map_of_bounded_size(
            notes in proptest::collection::vec((0u16..60, 0i64..1_000), 0..200),
            room in 1usize..50,
            load_factor in 0.1f64..=1.0,
        ) {
            let mut newest = Newest::with_room(room, load_factor);
            let mut model: HashMap<u16, i64> = HashMap::new();
            for (key, offset) in notes {
                let fits = model.len() < room || model.contains_key(&key);
                prop_assert_eq!(newest.note(&key.to_be_bytes(), offset), fits);
                if fits {
                    model.insert(key, offset);
                }
            }
            prop_assert_eq!(newest.len(), model.len());
            for key in 0u16..60 {
                let expected = model.get(&key).copied();
                prop_assert_eq!(newest.offset_of(&key.to_be_bytes()), expected);
            }
        }
    }
}
