//! Which partition of an internal topic holds a key: Kafka's rule, which its tools compute for themselves.

/// The partition of a key among so many: the size of the hash that Java gives it.
pub fn partition_of(key: &str, partitions: i32) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| {
        hash.wrapping_mul(31).wrapping_add(i32::from(unit))
    });
    // The one number whose size is none of its type's counts as zero (org.apache.kafka.common.utils.Utils).
    hash.checked_abs().unwrap_or(0) % partitions.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_lie_where_kafka_looks_for_them() {
        // As Java's String.hashCode gives them.
        assert_eq!(partition_of("", 50), 0);
        assert_eq!(partition_of("a", 50), 97 % 50);
        assert_eq!(partition_of("test-group", 50), 12);
        assert_eq!(partition_of("my.group", 50), 11);
        // Its hash is the smallest of its type.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(partition_of("grüße-𝄞", 50), 22);
    }
}
