//! Reading and writing the fields of Kafka's records as owned values, with bounds: what the logs of
//! the state machines are made of. For requests and responses see [`crate::wire`].
//!
//! | what | bytes |
//! |---|---|
//! | integer | big-endian, fixed width |
//! | uvarint | 7 bits a byte, least significant first, at most 5 bytes |
//! | string | uvarint length + 1 (0 = null), UTF-8 |
//! | bytes | uvarint length + 1, bytes |
//! | array | uvarint count + 1 (0 = null), elements |
//! | old string | int16 length (−1 = null), UTF-8: where a schema is not flexible |
//! | old bytes | int32 length, bytes |
//! | old array | int32 count, elements |
//! | uuid | 16 bytes |
//! | tagged fields | uvarint count, then by rising tag: uvarint tag, uvarint size, bytes |
//!
//! Invariant: nothing is allocated for a count or a length before as many bytes are known to be
//! there, so a hostile input costs memory in proportion to its own size.

#![allow(
    missing_docs,
    reason = "a method is named for the field that it reads or writes; the table says its bytes"
)]

use uuid::Uuid;

/// The longest string that a schema which is not flexible can hold.
pub const OLD_STRING_BYTES_MAX: usize = i16::MAX as usize;

/// Why bytes could not be read as a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// The input ends inside a field, or claims more elements than it could hold.
    #[error("the record is cut short")]
    Truncated,
    /// A variable-length number does not fit 32 bits.
    #[error("a variable-length number is too long")]
    Varint,
    /// A length or count is below −1.
    #[error("a length is negative")]
    Negative,
    /// Null stands where a value must be.
    #[error("a required field is null")]
    Null,
    /// A string is not UTF-8.
    #[error("a string is not UTF-8")]
    Text,
    /// Tags do not rise.
    #[error("tagged fields are out of order")]
    TagOrder,
    /// Bytes follow the record.
    #[error("{size_bytes} bytes follow the record")]
    Trailing {
        /// How many.
        size_bytes: usize,
    },
}

/// Appends fields to a buffer.
#[derive(Debug)]
pub struct FieldWriter {
    bytes: Vec<u8>,
}

impl FieldWriter {
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub fn uvarint(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.bytes.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    pub fn bool(&mut self, value: bool) {
        self.bytes.push(u8::from(value));
    }

    pub fn i8(&mut self, value: i8) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i16(&mut self, value: i16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn u16(&mut self, value: u16) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i32(&mut self, value: i32) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn i64(&mut self, value: i64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn u64(&mut self, value: u64) {
        self.bytes.extend_from_slice(&value.to_be_bytes());
    }

    pub fn uuid(&mut self, value: Uuid) {
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub fn string(&mut self, value: &str) {
        self.length(value.len());
        self.bytes.extend_from_slice(value.as_bytes());
    }

    pub fn nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.string(value),
            None => self.uvarint(0),
        }
    }

    pub fn bytes(&mut self, value: &[u8]) {
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    pub fn array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// Writes a string as schemas that are not flexible have it; longer than [`OLD_STRING_BYTES_MAX`] there is none.
    pub fn old_string(&mut self, value: &str) {
        let length = i16::try_from(value.len()).expect("the caller checked the string's length");
        self.i16(length);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    /// Writes an [old string](Self::old_string) or null.
    pub fn old_nullable_string(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.old_string(value),
            None => self.i16(-1),
        }
    }

    /// Writes bytes as schemas that are not flexible have them.
    pub fn old_bytes(&mut self, value: &[u8]) {
        self.old_count(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// Writes an array as schemas that are not flexible have it.
    pub fn old_array<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.old_count(items.len());
        for item in items {
            write(self, item);
        }
    }

    /// Writes tagged fields, which must be given by rising tag.
    pub fn tags(&mut self, fields: &[(u32, Vec<u8>)]) {
        debug_assert!(fields.is_sorted_by(|one, next| one.0 < next.0));
        self.count(fields.len());
        for (tag, bytes) in fields {
            self.uvarint(*tag);
            self.count(bytes.len());
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn old_count(&mut self, count: usize) {
        self.i32(i32::try_from(count).expect("the machine's limits keep fields below 2 GiB"));
    }

    fn length(&mut self, length: usize) {
        self.count(length + 1);
    }

    fn count(&mut self, count: usize) {
        self.uvarint(u32::try_from(count).expect("the machine's limits keep fields below 4 GiB"));
    }
}

/// The bytes of one tagged field.
pub fn tag_bytes(write: impl FnOnce(&mut FieldWriter)) -> Vec<u8> {
    let mut writer = FieldWriter::with_capacity(16);
    write(&mut writer);
    writer.into_bytes()
}

/// Takes fields off the front of a slice.
#[derive(Clone, Debug)]
pub struct FieldReader<'a> {
    bytes: &'a [u8],
}

impl<'a> FieldReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Says that everything was read.
    pub fn finish(self) -> Result<(), FieldError> {
        match self.bytes.len() {
            0 => Ok(()),
            size_bytes => Err(FieldError::Trailing { size_bytes }),
        }
    }

    pub fn uvarint(&mut self) -> Result<u32, FieldError> {
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.fixed()?;
            let bits = u32::from(byte & 0x7f);
            if shift == 28 && bits > 0x0f {
                return Err(FieldError::Varint);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(FieldError::Varint)
    }

    pub fn bool(&mut self) -> Result<bool, FieldError> {
        Ok(self.fixed::<1>()? != [0])
    }

    pub fn i8(&mut self) -> Result<i8, FieldError> {
        Ok(i8::from_be_bytes(self.fixed()?))
    }

    pub fn i16(&mut self) -> Result<i16, FieldError> {
        Ok(i16::from_be_bytes(self.fixed()?))
    }

    pub fn u16(&mut self) -> Result<u16, FieldError> {
        Ok(u16::from_be_bytes(self.fixed()?))
    }

    pub fn i32(&mut self) -> Result<i32, FieldError> {
        Ok(i32::from_be_bytes(self.fixed()?))
    }

    pub fn i64(&mut self) -> Result<i64, FieldError> {
        Ok(i64::from_be_bytes(self.fixed()?))
    }

    pub fn u64(&mut self) -> Result<u64, FieldError> {
        Ok(u64::from_be_bytes(self.fixed()?))
    }

    pub fn uuid(&mut self) -> Result<Uuid, FieldError> {
        Ok(Uuid::from_bytes(self.fixed()?))
    }

    pub fn string(&mut self) -> Result<String, FieldError> {
        self.nullable_string()?.ok_or(FieldError::Null)
    }

    pub fn nullable_string(&mut self) -> Result<Option<String>, FieldError> {
        let Some(length) = self.length()? else {
            return Ok(None);
        };
        Ok(Some(self.text(length)?))
    }

    pub fn bytes(&mut self) -> Result<Vec<u8>, FieldError> {
        let length = self.length()?.ok_or(FieldError::Null)?;
        Ok(self.take(length)?.to_vec())
    }

    pub fn old_string(&mut self) -> Result<String, FieldError> {
        self.old_nullable_string()?.ok_or(FieldError::Null)
    }

    pub fn old_nullable_string(&mut self) -> Result<Option<String>, FieldError> {
        match self.i16()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| FieldError::Negative)?;
                Ok(Some(self.text(length)?))
            }
        }
    }

    pub fn old_bytes(&mut self) -> Result<Vec<u8>, FieldError> {
        self.old_nullable_bytes()?.ok_or(FieldError::Null)
    }

    pub fn old_nullable_bytes(&mut self) -> Result<Option<Vec<u8>>, FieldError> {
        match self.i32()? {
            -1 => Ok(None),
            length => {
                let length = usize::try_from(length).map_err(|_| FieldError::Negative)?;
                Ok(Some(self.take(length)?.to_vec()))
            }
        }
    }

    /// Reads an old array whose elements take at least `element_bytes_min` each.
    pub fn old_array<T>(
        &mut self,
        element_bytes_min: usize,
        read: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let items = self.old_nullable_array(element_bytes_min, read)?;
        items.ok_or(FieldError::Null)
    }

    /// Reads an [old array](Self::old_array) or null.
    pub fn old_nullable_array<T>(
        &mut self,
        element_bytes_min: usize,
        read: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Option<Vec<T>>, FieldError> {
        let count = match self.i32()? {
            -1 => return Ok(None),
            count => usize::try_from(count).map_err(|_| FieldError::Negative)?,
        };
        self.elements(count, element_bytes_min, read).map(Some)
    }

    /// Reads an array whose elements take at least `element_bytes_min` each.
    pub fn array<T>(
        &mut self,
        element_bytes_min: usize,
        read: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let items = self.nullable_array(element_bytes_min, read)?;
        items.ok_or(FieldError::Null)
    }

    /// Reads an [array](Self::array) or null.
    pub fn nullable_array<T>(
        &mut self,
        element_bytes_min: usize,
        read: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Option<Vec<T>>, FieldError> {
        match self.length()? {
            Some(count) => self.elements(count, element_bytes_min, read).map(Some),
            None => Ok(None),
        }
    }

    fn elements<T>(
        &mut self,
        count: usize,
        element_bytes_min: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        if count > self.bytes.len() / element_bytes_min {
            return Err(FieldError::Truncated);
        }
        (0..count).map(|_| read(self)).collect()
    }

    /// Reads tagged fields: `known` gets each one and reads those it knows; the rest are skipped.
    pub fn tags(
        &mut self,
        mut known: impl FnMut(u32, &mut FieldReader<'a>) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        let count = self.uvarint()?;
        let mut last = None;
        for _ in 0..count {
            let tag = self.uvarint()?;
            if last.is_some_and(|last| tag <= last) {
                return Err(FieldError::TagOrder);
            }
            last = Some(tag);
            let size = usize_of(self.uvarint()?);
            known(tag, &mut FieldReader::new(self.take(size)?))?;
        }
        Ok(())
    }

    /// Reads tagged fields none of which is known.
    pub fn skip_tags(&mut self) -> Result<(), FieldError> {
        self.tags(|_, _| Ok(()))
    }

    /// The length of a string or array, `None` for null.
    fn length(&mut self) -> Result<Option<usize>, FieldError> {
        Ok(self.uvarint()?.checked_sub(1).map(usize_of))
    }

    fn text(&mut self, length: usize) -> Result<String, FieldError> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| FieldError::Text)?;
        Ok(text.to_owned())
    }

    fn take(&mut self, size: usize) -> Result<&'a [u8], FieldError> {
        let (taken, rest) = self
            .bytes
            .split_at_checked(size)
            .ok_or(FieldError::Truncated)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], FieldError> {
        let (taken, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(FieldError::Truncated)?;
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
            assert_eq!(FieldReader::new(bytes).uvarint(), Ok(value));
        }
        for bytes in [
            &[0xff, 0xff, 0xff, 0xff, 0x10][..],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ] {
            assert_eq!(FieldReader::new(bytes).uvarint(), Err(FieldError::Varint));
        }
        assert_eq!(
            FieldReader::new(&[0x80]).uvarint(),
            Err(FieldError::Truncated)
        );
    }

    #[test]
    fn counts_and_lengths_beyond_the_input_are_refused_before_anything_is_allocated() {
        let huge = [0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3];
        let read = FieldReader::new(&huge).array(4, |from| from.i32());
        assert_eq!(read, Err(FieldError::Truncated));
        assert_eq!(FieldReader::new(&huge).string(), Err(FieldError::Truncated));
        assert_eq!(
            FieldReader::new(&huge).skip_tags(),
            Err(FieldError::Truncated)
        );
    }

    #[test]
    fn old_fields_take_fixed_lengths_and_read_back() {
        let mut to = FieldWriter::with_capacity(32);
        to.old_string("ab");
        to.old_nullable_string(None);
        to.old_bytes(&[7]);
        to.old_array(&[1, 2], |to, item| to.i8(*item));
        let bytes = to.into_bytes();
        assert_eq!(
            bytes,
            [
                0, 2, b'a', b'b', 0xff, 0xff, 0, 0, 0, 1, 7, 0, 0, 0, 2, 1, 2
            ]
        );
        let mut from = FieldReader::new(&bytes);
        assert_eq!(from.old_string(), Ok("ab".to_owned()));
        assert_eq!(from.old_nullable_string(), Ok(None));
        assert_eq!(from.old_bytes(), Ok(vec![7]));
        assert_eq!(from.old_array(1, |from| from.i8()), Ok(vec![1, 2]));
        assert_eq!(from.finish(), Ok(()));
        assert_eq!(
            FieldReader::new(&[0xff, 0xfe]).old_string(),
            Err(FieldError::Negative)
        );
        assert_eq!(
            FieldReader::new(&[0, 3, b'a']).old_string(),
            Err(FieldError::Truncated)
        );
        let huge = [0x7f, 0xff, 0xff, 0xff, 0];
        assert_eq!(
            FieldReader::new(&huge).old_bytes(),
            Err(FieldError::Truncated)
        );
        assert_eq!(
            FieldReader::new(&huge).old_array(1, |from| from.i8()),
            Err(FieldError::Truncated)
        );
    }

    #[test]
    fn null_where_a_value_must_stand_is_refused() {
        assert_eq!(FieldReader::new(&[0]).string(), Err(FieldError::Null));
        assert_eq!(
            FieldReader::new(&[0]).array(1, |from| from.i8()),
            Err(FieldError::Null)
        );
        assert_eq!(FieldReader::new(&[0]).nullable_string(), Ok(None));
    }

    #[test]
    fn text_must_be_utf_8_and_tags_must_rise() {
        assert_eq!(FieldReader::new(&[2, 0xff]).string(), Err(FieldError::Text));
        assert_eq!(
            FieldReader::new(&[2, 5, 0, 5, 0]).skip_tags(),
            Err(FieldError::TagOrder)
        );
        assert_eq!(FieldReader::new(&[2, 5, 1, 9, 6, 0]).skip_tags(), Ok(()));
    }
}
