//! The primitive encodings of Kafka's protocol, with reads that are checked.
//!
//! | encoding | bytes |
//! |---|---|
//! | int8 … int64, uuid | big endian, fixed |
//! | unsigned varint | 1–5 bytes, seven bits each, low bits first, high bit = more follow |
//! | string | int16 length, bytes; −1 = null |
//! | compact string, bytes, array | unsigned varint of length + 1; 0 = null |
//!
//! [`Reader`] never reads past its end and never allocates; every failure is a [`WireError`] with its position.

use bytes::BufMut;

/// A position in a slice of bytes, moving forward.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, position: 0 }
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Bytes not yet read.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Passes over `count` bytes and returns them.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        if count > self.remaining() {
            return Err(WireError::Truncated {
                at: self.position,
                wanted: count,
                left: self.remaining(),
            });
        }
        let taken = &self.bytes[self.position..self.position + count];
        self.position += count;
        Ok(taken)
    }

    /// Reads an 8-bit integer.
    #[inline]
    pub fn int8(&mut self) -> Result<i8, WireError> {
        Ok(i8::from_be_bytes(self.array()?))
    }

    /// Reads a 16-bit integer.
    #[inline]
    pub fn int16(&mut self) -> Result<i16, WireError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// Reads a 32-bit integer.
    #[inline]
    pub fn int32(&mut self) -> Result<i32, WireError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// Reads an unsigned varint of at most 32 bits. A longer one is an error, as is one with bits above the 32nd;
    /// needless zero groups within five bytes are legal, as they are to Kafka.
    #[inline]
    pub fn unsigned_varint(&mut self) -> Result<u32, WireError> {
        match self.bytes.get(self.position) {
            Some(&byte) if byte < 0x80 => {
                self.position += 1;
                Ok(u32::from(byte))
            }
            _ => self.unsigned_varint_of_many(),
        }
    }

    fn unsigned_varint_of_many(&mut self) -> Result<u32, WireError> {
        let at = self.position;
        let mut value: u32 = 0;
        for group in 0..5 {
            let [byte] = self.array()?;
            if group == 4 && byte > 0x0f {
                return Err(WireError::VarintTooLong { at });
            }
            value |= u32::from(byte & 0x7f) << (7 * group);
            if byte < 0x80 {
                break;
            }
        }
        Ok(value)
    }

    #[inline]
    fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], WireError> {
        let bytes = self.take(COUNT)?;
        Ok(*bytes.first_chunk().expect("take returned COUNT bytes"))
    }
}

/// Why bytes could not be read as a primitive.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes are left than the value needs.
    #[error("{wanted} bytes wanted at {at}, {left} left")]
    Truncated {
        /// Position of the read.
        at: usize,
        /// Bytes that the value needs.
        wanted: usize,
        /// Bytes that were there.
        left: usize,
    },
    /// A varint that does not end within five bytes, or holds more than 32 bits.
    #[error("a varint at {at} is too long")]
    VarintTooLong {
        /// Position of its first byte.
        at: usize,
    },
}

/// Writes an unsigned varint.
#[inline]
pub fn put_unsigned_varint<B: BufMut>(buffer: &mut B, mut value: u32) {
    while value >= 0x80 {
        buffer.put_u8((value as u8) | 0x80);
        value >>= 7;
    }
    buffer.put_u8(value as u8);
}

/// Bytes that [`put_unsigned_varint`] writes for `value`.
#[inline]
pub fn unsigned_varint_bytes(value: u32) -> usize {
    let bits = (u32::BITS - value.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    fn read(bytes: &[u8]) -> Result<u32, WireError> {
        Reader::new(bytes).unsigned_varint()
    }

    #[test]
    fn varints_read_back_at_every_length() {
        for value in [
            0,
            1,
            0x7f,
            0x80,
            0x3fff,
            0x4000,
            0x1f_ffff,
            0x20_0000,
            0xfff_ffff,
            0x1000_0000,
            u32::MAX,
        ] {
            let mut buffer = BytesMut::new();
            put_unsigned_varint(&mut buffer, value);
            assert_eq!(buffer.len(), unsigned_varint_bytes(value), "{value}");
            assert_eq!(read(&buffer), Ok(value));
        }
    }

    #[test]
    fn needless_zero_groups_are_legal_within_five_bytes() {
        assert_eq!(read(&[0x81, 0x00]), Ok(1));
        assert_eq!(read(&[0x81, 0x80, 0x80, 0x80, 0x00]), Ok(1));
    }

    #[test]
    fn varints_over_five_bytes_or_32_bits_are_refused() {
        assert_eq!(
            read(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x00]),
            Err(WireError::VarintTooLong { at: 0 })
        );
        assert_eq!(
            read(&[0xff, 0xff, 0xff, 0xff, 0x1f]),
            Err(WireError::VarintTooLong { at: 0 })
        );
    }

    #[test]
    fn a_varint_that_ends_early_is_truncated() {
        assert_eq!(
            read(&[0x80]),
            Err(WireError::Truncated {
                at: 1,
                wanted: 1,
                left: 0
            })
        );
        assert_eq!(
            read(&[]),
            Err(WireError::Truncated {
                at: 0,
                wanted: 1,
                left: 0
            })
        );
    }

    #[test]
    fn a_read_past_the_end_moves_nothing() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert_eq!(
            reader.int32(),
            Err(WireError::Truncated {
                at: 0,
                wanted: 4,
                left: 3
            })
        );
        assert_eq!(reader.int16(), Ok(0x0102));
        assert_eq!(
            reader.int16(),
            Err(WireError::Truncated {
                at: 2,
                wanted: 2,
                left: 1
            })
        );
        assert_eq!(
            (reader.int8(), reader.remaining(), reader.position()),
            (Ok(3), 0, 3)
        );
    }
}
