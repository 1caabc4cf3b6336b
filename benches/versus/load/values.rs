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
}
