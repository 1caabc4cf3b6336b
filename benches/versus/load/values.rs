//! What records hold.

/// Bytes that no codec and no page of zeros makes easy.
pub(super) fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ seed;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    };
    (0..bytes).map(|_| next()).collect()
}

/// Text as services log it, which codecs make several times shorter.
pub(super) fn text(bytes: usize, seed: u64) -> Vec<u8> {
    let words = [
        "order",
        "accepted",
        "warehouse",
        "customer",
        "paid",
        "shipment",
    ];
    let mut value = Vec::with_capacity(bytes + 64);
    for (at, number) in noise(bytes, seed).into_iter().enumerate() {
        if value.len() >= bytes {
            break;
        }
        let word = words[usize::from(number) % words.len()];
        value.extend(format!("{{\"at\":{at},\"what\":\"{word}\",\"id\":{number}}},").bytes());
    }
    value.truncate(bytes);
    value
}

/// One of so many keys, for the record of a number: which is as good as chance.
pub(super) fn key(number: u64, keys: u64) -> [u8; 8] {
    // The finalizer of splitmix64.
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((mixed ^ (mixed >> 31)) % keys).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_long_as_they_are_wanted_and_differ_by_seed() {
        for make in [noise, text] {
            assert_eq!(make(1_000, 1).len(), 1_000);
            assert_eq!(make(1_000, 1), make(1_000, 1));
            assert_ne!(make(1_000, 1), make(1_000, 2));
        }
    }

    #[test]
    fn keys_are_as_many_as_are_wanted_in_no_order() {
        let keys: Vec<_> = (0..1_000).map(|number| key(number, 10)).collect();
        let different: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(different.len(), 10);
        assert!(!keys.is_sorted());
    }
}
