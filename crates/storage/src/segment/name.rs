//! Names of segment files: the base offset in 20 digits, as Kafka names them.

use super::Kind;

/// Digits of a base offset: as many as the largest 64-bit number has.
const DIGITS: usize = 20;

/// The name of a segment's file.
pub(crate) fn file_name(base_offset: i64, kind: Kind) -> String {
    format!("{base_offset:0DIGITS$}.{}", kind.suffix())
}

/// Base offset and kind of a file with such a name.
pub(crate) fn base_offset_of(name: &str) -> Option<(i64, Kind)> {
    let (digits, suffix) = name.split_once('.')?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.suffix() == suffix)?;
    if digits.len() != DIGITS || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kafkas() {
        assert_eq!(file_name(368_769, Kind::Log), "00000000000000368769.log");
        for kind in Kind::ALL {
            assert_eq!(
                base_offset_of(&file_name(i64::MAX, kind)),
                Some((i64::MAX, kind))
            );
        }
        for other in [
            "00000000000000000000.log.deleted",
            "0.log",
            "partition.metadata",
            "99999999999999999999.log",
        ] {
            assert_eq!(base_offset_of(other), None, "{other}");
        }
    }
}
