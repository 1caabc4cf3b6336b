//! Randomness as a door: one seed, from which everything random in a process follows.
//!
//! Not for secrets. The generator is SplitMix64: small, fast, and the same on every platform.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// How [`HashMap`] and [`HashSet`] hash: with keys of the process.
#[cfg(not(ottla_sim))]
pub type Hashing = RandomState;
/// The same, with fixed keys.
#[cfg(ottla_sim)]
pub type Hashing = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// The standard map. In the simulator its order is the same in each run.
pub type HashMap<K, V> = std::collections::HashMap<K, V, Hashing>;
/// The standard set. In the simulator its order is the same in each run.
pub type HashSet<K> = std::collections::HashSet<K, Hashing>;

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The stream that belongs to `seed`.
    pub fn new(seed: u64) -> Random {
        Random { state: seed }
    }

    /// A stream with a seed from the operating system.
    pub fn from_system() -> Random {
        // the standard library's hash keys come from the system's random source
        let keyed = RandomState::new();
        let mut hasher = keyed.build_hasher();
        hasher.write_u8(0);
        Random::new(hasher.finish())
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number in `0..limit`; 0 if `limit` is 0. The bias is below 2⁻³² for limits below 2³².
    pub fn below(&mut self, limit: u64) -> u64 {
        let wide = u128::from(self.next_u64()) * u128::from(limit);
        u64::try_from(wide >> 64).expect("the product's upper half is below the limit")
    }

    /// True with probability `numerator / denominator`.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// 16 random bytes, as for a UUID.
    pub fn bytes16(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.next_u64().to_le_bytes());
        bytes[8..].copy_from_slice(&self.next_u64().to_le_bytes());
        bytes
    }
}

/// Spreads the bits of `value`; a fixed permutation of the 64-bit numbers.
pub fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_stream() {
        let take = |seed| {
            let mut random = Random::new(seed);
            [random.next_u64(), random.next_u64(), random.next_u64()]
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
        assert_eq!(take(0)[0], 0xe220_a839_7b1d_cdaf); // published first value for seed 0
    }

    #[test]
    fn below_stays_below() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }

    #[test]
    fn two_system_streams_differ() {
        assert_ne!(
            Random::from_system().next_u64(),
            Random::from_system().next_u64()
        );
    }
}
