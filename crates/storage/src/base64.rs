//! Ids as Kafka writes them in files: 16 bytes in 22 characters of URL-safe base64, unpadded.

use uuid::Uuid;

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of an id: 128 bits in groups of 6, the last of 2 bits.
const LEN: usize = 22;

pub(crate) fn encode(id: &Uuid) -> String {
    let bits = id.as_u128();
    let digit = |n: usize| {
        let shifted = if n == LEN - 1 {
            bits << 4
        } else {
            bits >> (122 - 6 * n)
        };
        char::from(DIGITS[(shifted & 63) as usize])
    };
    (0..LEN).map(digit).collect()
}

pub(crate) fn decode(text: &str) -> Option<Uuid> {
    if text.len() != LEN {
        return None;
    }
    let mut bits = 0u128;
    for (n, byte) in text.bytes().enumerate() {
        let digit = DIGITS.iter().position(|d| *d == byte)? as u128;
        bits = match n {
            _ if n < LEN - 1 => bits << 6 | digit,
            _ if digit & 15 == 0 => bits << 2 | digit >> 4,
            _ => return None,
        };
    }
    Some(Uuid::from_u128(bits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_look_as_in_kafka() {
        assert_eq!(encode(&Uuid::from_u128(0)), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(encode(&Uuid::from_u128(1)), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(
            encode(&Uuid::from_u128(u128::MAX)),
            "_____________________w"
        );
        assert_eq!(decode("AAAAAAAAAAAAAAAAAAAAAR"), None);
        assert_eq!(decode("AAAA"), None);
    }

    proptest! {
        #[test]
        fn ids_round_trip(bits in any::<u128>()) {
            let id = Uuid::from_u128(bits);
            prop_assert_eq!(decode(&encode(&id)), Some(id));
        }
    }
}
