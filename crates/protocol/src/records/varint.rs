//! Zig-zag varints of records, read from any buffered source.

use std::io::{self, BufRead};

/// Reads a zig-zag varint of at most ten bytes.
///
/// # Errors
/// The source ends or fails, or the number is longer than 64 bits.
pub(super) fn read_varlong(from: &mut impl BufRead) -> io::Result<i64> {
    let (mut value, mut shift) = (0u64, 0);
    loop {
        let byte = read_u8(from)?;
        if shift == 63 && byte > 1 {
            return Err(invalid("varint longer than 64 bits"));
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(((value >> 1) as i64) ^ -((value & 1) as i64));
        }
        shift += 7;
    }
}

/// Reads a zig-zag varint that must fit 32 bits.
///
/// # Errors
/// As [`read_varlong`], and out of range.
pub(super) fn read_varint(from: &mut impl BufRead) -> io::Result<i32> {
    i32::try_from(read_varlong(from)?).map_err(|_| invalid("varint longer than 32 bits"))
}

/// Appends a zig-zag varint.
pub(super) fn write_varlong(to: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)) as u64;
    while left >= 0x80 {
        to.push((left as u8) | 0x80);
        left >>= 7;
    }
    to.push(left as u8);
}

/// Bytes that [`write_varlong`] appends.
pub(super) fn varlong_len(value: i64) -> usize {
    let bits = 64 - (((value << 1) ^ (value >> 63)) as u64 | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Reads one byte.
pub(super) fn read_u8(from: &mut impl BufRead) -> io::Result<u8> {
    let byte = *from
        .fill_buf()?
        .first()
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    from.consume(1);
    Ok(byte)
}

/// Passes over `count` bytes.
pub(super) fn skip(from: &mut impl BufRead, mut count: usize) -> io::Result<()> {
    while count > 0 {
        let here = from.fill_buf()?.len().min(count);
        if here == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        from.consume(here);
        count -= here;
    }
    Ok(())
}

pub(super) fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_number_round_trips(value: i64) {
            let mut bytes = Vec::new();
            write_varlong(&mut bytes, value);
            prop_assert_eq!(bytes.len(), varlong_len(value));
            prop_assert_eq!(read_varlong(&mut &bytes[..]).unwrap(), value);
        }
    }

    #[test]
    fn overlong_and_cut_numbers_are_errors() {
        assert!(read_varlong(&mut &[0xff; 11][..]).is_err());
        assert!(read_varlong(&mut &[0x80][..]).is_err());
        assert!(read_varint(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0x0f][..]).is_err());
    }
}
