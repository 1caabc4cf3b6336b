//! Which partition a record goes to.
//!
//! Records with a key: murmur2 of the key, as the Java client does, so that both put a key into the same partition.
//! Records without: one partition until its batch is closed, then another by chance (KIP-480), so that batches fill.

/// The partition of a key in a topic of `partitions` partitions, as the Java client chooses it.
pub fn partition_for_key(key: &[u8], partitions: usize) -> usize {
    // Java takes the hash as a signed number and clears the sign.
    let positive = murmur2(key) & 0x7fff_ffff;
    positive as usize % partitions.max(1)
}

/// The 32-bit MurmurHash 2 of `bytes`, with the seed that Kafka uses.
pub fn murmur2(bytes: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const MULTIPLIER: u32 = 0x5bd1_e995;
    const SHIFT: u32 = 24;

    // The length enters as Java's 32-bit int; longer keys do not exist there.
    let mut hash = SEED ^ bytes.len() as u32;
    let mut words = bytes.chunks_exact(4);
    for word in &mut words {
        let mut mixed = u32::from_le_bytes(word.try_into().expect("a chunk of four"));
        mixed = mixed.wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        mixed = mixed.wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed;
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        let shifted = rest
            .iter()
            .rev()
            .fold(0u32, |word, &byte| word << 8 | u32::from(byte));
        hash = (hash ^ shifted).wrapping_mul(MULTIPLIER);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(MULTIPLIER);
    hash ^ hash >> 15
}

/// The partition that records without a key go to at the moment.
#[derive(Debug, Default)]
pub(super) struct Sticky {
    partition: usize,
}

impl Sticky {
    /// The current partition.
    pub(super) fn partition(&self) -> usize {
        self.partition
    }

    /// Moves to another of `partitions` partitions, by chance.
    pub(super) fn move_on(&mut self, partitions: usize, chance: u64) {
        if partitions < 2 {
            self.partition = 0;
            return;
        }
        // Any of the others: so many steps from here, at least one, and never a whole round.
        let others = partitions as u64 - 1;
        let steps = usize::try_from(chance % others + 1).expect("fewer steps than partitions");
        self.partition = (self.partition + steps) % partitions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn murmur2_gives_what_java_gives() {
        // From UtilsTest.testMurmur2 of Apache Kafka.
        for (key, hash) in [
            ("21", -973932308),
            ("foobar", -790332482),
            ("a-little-bit-long-string", -985981536),
            ("a-little-bit-longer-string", -1486304829),
            (
                "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8",
                -58897971,
            ),
        ] {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
        assert_eq!(murmur2(b"abc") as i32, 479470107);
    }

    #[test]
    fn a_key_stays_in_its_partition_and_the_partition_exists() {
        for partitions in [1, 2, 7, 100] {
            let chosen = partition_for_key(b"foobar", partitions);
            assert!(chosen < partitions);
            assert_eq!(chosen, partition_for_key(b"foobar", partitions));
        }
        assert_eq!(partition_for_key(b"x", 0), 0);
    }

    #[test]
    fn moving_on_always_changes_the_partition_if_there_is_another() {
        let mut sticky = Sticky::default();
        for chance in 0..100 {
            let before = sticky.partition();
            sticky.move_on(3, chance);
            assert_ne!(sticky.partition(), before);
            assert!(sticky.partition() < 3);
        }
        sticky.move_on(1, 5);
        assert_eq!(sticky.partition(), 0);
    }
}
