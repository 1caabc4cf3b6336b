//! Reading and writing the flexible encoding of Kafka's records, with bounds.
//!
//! | what | bytes |
//! |---|---|
//! | integer | big-endian, fixed width |
//! | uvarint | 7 bits a byte, least significant first, at most 5 bytes |
//! | string | uvarint length + 1 (0 = null), UTF-8 |
//! | array | uvarint count + 1 (0 = null), elements |
//! | uuid | 16 bytes |
//! | tagged fields | uvarint count, then by rising tag: uvarint tag, uvarint size, bytes |
//!
//! Invariant: nothing is allocated for a count or a length before as many bytes are known to be
//! there, so a hostile input costs memory in proportion to its own size.

use uuid::Uuid;

use super::DecodeError;

/// Appends fields to a buffer.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(super) fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub(super) fn i8(&mut self, value: i8) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub(super) fn uuid(&mut self, value: Uuid) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn string(&mut self, value: &str) {
        self.length(value.len());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub(super) fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.uvarint(0),
        }
    }

    pub(super) fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// Writes tagged fields, which must be given by rising tag.
    pub(super) fn tags(&mut self, fields: &[(u32, Vec<u8>)]) {
        debug_assert!(fields.is_sorted_by(|one, next| one.0 < next.0));
        self.count(fields.len());
        for (tag, bytes) in fields {
            self.uvarint(*tag);
            self.count(bytes.len());
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn length(&mut self, length: usize) {
        self.count(length + 1);
    }

    fn count(&mut self, count: usize) {
        self.uvarint(u32::try_from(count).expect("the machine's limits keep fields below 4 GiB"));
    }
}

/// The bytes of one tagged field.
pub(super) fn tag_bytes(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_capacity(16);
    write(&mut writer);
    writer.into_bytes()
}

/// Takes fields off the front of a slice.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Says that everything was read.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.bytes.len() {
            0 => Ok(()),
            size_bytes => Err(DecodeError::Trailing { size_bytes }),
        }
    }

    pub(super) fn uvarint(&mut self) -> Result<u32, DecodeError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                return Err(DecodeError::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::Varint)
    }

    pub(super) fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.fixed::<1>()? != [0])
    }

    pub(super) fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub(super) fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, DecodeError> {
        Ok(u64::from_be_bytes(self.fixed()?))
    }

    pub(super) fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.fixed()?))
    }

    pub(super) fn string(&mut self) -> Result<String, DecodeError> {
        self.nullable_string()?.ok_or(DecodeError::Null)
    }

    pub(super) fn nullable_string(&mut self) -> Result<Option<String>, DecodeError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Text)?;
        Ok(Some(text.to_owned()))
    }

    /// Reads an array whose elements take at least `element_bytes_min` each.
    pub(super) fn array<T>(
        &mut self,
        element_bytes_min: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let count = self.length()?.ok_or(DecodeError::Null)?;
        if count > self.bytes.len() / element_bytes_min {
            return Err(DecodeError::Truncated);
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// Reads tagged fields: `known` gets each one and reads those it knows; the rest are skipped.
    pub(super) fn tags(
        &mut self,
        mut known: impl FnMut(u32, &mut Reader<'a>) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.uvarint()?;
        let mut last = None;
        for _ in 0..count {
            let tag = self.uvarint()?;
            if last.is_some_and(|last| tag <= last) {
                return Err(DecodeError::TagOrder);
            }
            last = Some(tag);
            let size = usize_of(self.uvarint()?);
            known(tag, &mut Reader::new(self.take(size)?))?;
        }
        Ok(())
    }

    /// Reads tagged fields none of which is known.
    pub(super) fn skip_tags(&mut self) -> Result<(), DecodeError> {
        self.tags(|_, _| Ok(()))
    }

    /// The length of a string or array, `None` for null.
    fn length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self.uvarint()?.checked_sub(1).map(usize_of))
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(size)
            .ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(*taken)
    }
}

fn usize_of(value: u32) -> usize {
    usize::try_from(value).expect("a usize holds 32 bits on every supported machine")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uvarints_take_the_bytes_that_kafka_gives_them() {
        for (value, bytes) in [
            (0, &[0][..]),
            (127, &[0x7f]),
            (128, &[0x80, 0x01]),
            (10_000, &[0x90, 0x4e]),
            (u32::MAX, &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ] {
            assert_eq!(tag_bytes(|to| to.uvarint(value)), bytes);
            assert_eq!(Reader::new(bytes).uvarint(), Ok(value));
        }
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0x10][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ] {
            assert_eq!(Reader::new(bytes).uvarint(), Err(DecodeError::Varint));
        }
        assert_eq!(Reader::new(&[0x80]).uvarint(), Err(DecodeError::Truncated));
    }

    #[test]
    fn counts_and_lengths_beyond_the_input_are_refused_before_anything_is_allocated() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3];
        let read = Reader::new(&huge).array(4, |from| from.i32());
        assert_eq!(read, Err(DecodeError::Truncated));
        assert_eq!(Reader::new(&huge).string(), Err(DecodeError::Truncated));
        assert_eq!(Reader::new(&huge).skip_tags(), Err(DecodeError::Truncated));
    }

    #[test]
    fn null_where_a_value_must_stand_is_refused() {
        assert_eq!(Reader::new(&[0]).string(), Err(DecodeError::Null));
        assert_eq!(
            Reader::new(&[0]).array(1, |from| from.i8()),
            Err(DecodeError::Null)
        );
        assert_eq!(Reader::new(&[0]).nullable_string(), Ok(None));
    }

    #[test]
    fn text_must_be_utf_8_and_tags_must_rise() {
        assert_eq!(Reader::new(&[2, 0xff]).string(), Err(DecodeError::Text));
        assert_eq!(
            Reader::new(&[2, 5, 0, 5, 0]).skip_tags(),
            Err(DecodeError::TagOrder)
        );
        assert_eq!(Reader::new(&[2, 5, 1, 9, 6, 0]).skip_tags(), Ok(()));
    }
}
