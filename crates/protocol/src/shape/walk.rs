//! The walk: every length and count of a body checked against what is left, before anything is allocated for it.
//!
//! It exists because kafka-protocol reserves memory by the counts it finds: five bytes of a Metadata request can ask
//! for 300 GB. A body that the walk accepts decodes within [`DECODED_BYTES_MAX`], and every count in it is true.
//!
//! - It reads nothing twice, allocates nothing, and ends after at most [`ELEMENTS_MAX`] elements.
//! - It is as strict as Kafka, and stricter where Kafka is careless and no client is: a negative length other than
//!   −1, a tagged field whose size is not that of its value.
//! - Like Kafka it does not mind bytes behind the end of the body, or tagged fields out of order.

use super::schema::{Element, Field, Kind, Shape, Struct};
use crate::limits::{DECODED_BYTES_MAX, ELEMENTS_MAX};
use crate::wire::{Reader, WireError};

/// Checks that `body` begins with a message of this shape and version. Gives its size.
pub fn walk(shape: &Shape, version: i16, body: &[u8]) -> Result<usize, ShapeError> {
    let mut walk = Walk {
        reader: Reader::new(body),
        version,
        flexible: version >= shape.first_flexible,
        elements_left: ELEMENTS_MAX,
        decoded_bytes_left: DECODED_BYTES_MAX,
    };
    walk.fields(&shape.body)?;
    Ok(walk.reader.position())
}

/// What a string or array of strings takes beside the frame, each.
const STRING_DECODED_BYTES: u32 = 32;
/// The first unknown tagged field of a struct allocates a node of a map, which has room for eleven.
const UNKNOWN_TAG_DECODED_BYTES: u32 = 512;
/// The longest string that Kafka takes, whatever the encoding of its length.
const STRING_BYTES_MAX: usize = i16::MAX as usize;

struct Walk<'a> {
    reader: Reader<'a>,
    version: i16,
    flexible: bool,
    elements_left: u32,
    decoded_bytes_left: u32,
}

impl Walk<'_> {
    fn fields(&mut self, body: &Struct) -> Result<(), ShapeError> {
        for field in body.fields {
            if field.versions.contain(self.version) {
                self.field(field)?;
            }
        }
        if self.flexible {
            self.tagged_fields(body.tagged)?;
        }
        Ok(())
    }

    #[inline]
    fn field(&mut self, field: &Field) -> Result<(), ShapeError> {
        match &field.kind {
            Kind::Fixed(bytes) => match self.reader.take(usize::from(*bytes)) {
                Ok(_) => Ok(()),
                Err(error) => Err(self.violation(field, error.into())),
            },
            Kind::String => self
                .string(field)
                .map_err(|violation| self.violation(field, violation)),
            Kind::Bytes => self
                .bytes(field)
                .map_err(|violation| self.violation(field, violation)),
            Kind::Array(element) => self.array(field, element),
            Kind::Struct(body) => self.nested(field, body),
        }
    }

    fn nested(&mut self, field: &Field, body: &Struct) -> Result<(), ShapeError> {
        if field.nullable.contain(self.version) {
            match self.reader.int8() {
                Ok(1) => {}
                Ok(..=-1) => return Ok(()),
                Ok(byte) => {
                    return Err(self.violation(field, Violation::NeitherNullNorPresent { byte }));
                }
                Err(error) => return Err(self.violation(field, error.into())),
            }
        }
        self.fields(body)
    }

    fn array(&mut self, field: &Field, element: &Element) -> Result<(), ShapeError> {
        let count = match self.count(field, element) {
            Ok(count) => count,
            Err(violation) => return Err(self.violation(field, violation)),
        };
        match element {
            // Counted against what is left, and nothing in them to check.
            Element::Fixed(bytes) => {
                self.reader
                    .take(count * usize::from(*bytes))
                    .expect("the count was checked against what is left");
            }
            Element::String => {
                for _ in 0..count {
                    self.string_of(false)
                        .map_err(|violation| self.violation(field, violation))?;
                }
            }
            Element::Struct(body) => {
                for _ in 0..count {
                    self.fields(body)?;
                }
            }
        }
        Ok(())
    }

    /// The count of an array, null being none, once what it claims is known to fit the rest and the budgets.
    fn count(&mut self, field: &Field, element: &Element) -> Result<usize, Violation> {
        let Some(count) = self.length(field.nullable.contain(self.version), Width::Bits32)? else {
            return Ok(0);
        };
        let (wire_bytes_min, decoded_bytes) = match element {
            Element::Fixed(bytes) => (usize::from(*bytes), u32::from(*bytes)),
            Element::String => (1, STRING_DECODED_BYTES),
            Element::Struct(body) => (1, body.decoded_bytes),
        };
        let left = self.reader.remaining();
        if count > left / wire_bytes_min {
            return Err(Violation::CountBeyondEnd { count, left });
        }
        self.charge(count, decoded_bytes)?;
        Ok(count)
    }

    fn charge(&mut self, elements: usize, decoded_bytes_each: u32) -> Result<(), Violation> {
        let elements = u32::try_from(elements).unwrap_or(u32::MAX);
        self.elements_left = self
            .elements_left
            .checked_sub(elements)
            .ok_or(Violation::TooManyElements)?;
        // At most 2^20 elements of a few hundred bytes: no overflow, but nothing here rests on it.
        let decoded_bytes = elements.saturating_mul(decoded_bytes_each);
        self.decoded_bytes_left = self
            .decoded_bytes_left
            .checked_sub(decoded_bytes)
            .ok_or(Violation::TooLargeDecoded)?;
        Ok(())
    }

    #[inline]
    fn string(&mut self, field: &Field) -> Result<(), Violation> {
        self.string_of(field.nullable.contain(self.version))
    }

    #[inline]
    fn string_of(&mut self, nullable: bool) -> Result<(), Violation> {
        if let Some(size_bytes) = self.length(nullable, Width::Bits16)? {
            if size_bytes > STRING_BYTES_MAX {
                return Err(Violation::StringTooLong { size_bytes });
            }
            self.reader.take(size_bytes)?;
        }
        Ok(())
    }

    fn bytes(&mut self, field: &Field) -> Result<(), Violation> {
        if let Some(size_bytes) =
            self.length(field.nullable.contain(self.version), Width::Bits32)?
        {
            self.reader.take(size_bytes)?;
        }
        Ok(())
    }

    /// A length or count; `None` is null. `width` is that of the encoding before flexible versions.
    #[inline]
    fn length(&mut self, nullable: bool, width: Width) -> Result<Option<usize>, Violation> {
        let length = if self.flexible {
            // One more than the length, so that 0 is null.
            i64::from(self.reader.unsigned_varint()?) - 1
        } else {
            match width {
                Width::Bits16 => i64::from(self.reader.int16()?),
                Width::Bits32 => i64::from(self.reader.int32()?),
            }
        };
        match length {
            -1 if nullable => Ok(None),
            -1 => Err(Violation::Null),
            _ => usize::try_from(length)
                .map(Some)
                .map_err(|_| Violation::NegativeLength { length }),
        }
    }

    fn tagged_fields(&mut self, known: &'static [(u32, Field)]) -> Result<(), ShapeError> {
        let count = self
            .reader
            .unsigned_varint()
            .map_err(|error| self.tags_violation(error.into()))?;
        for _ in 0..count {
            self.tagged_field(known)?;
        }
        Ok(())
    }

    fn tagged_field(&mut self, known: &'static [(u32, Field)]) -> Result<(), ShapeError> {
        let (tag, size_bytes) = self
            .tag_and_size()
            .map_err(|violation| self.tags_violation(violation))?;
        let Some((_, field)) = known.iter().find(|(known_tag, _)| *known_tag == tag) else {
            return self
                .unknown_tagged_field(size_bytes)
                .map_err(|violation| self.tags_violation(violation));
        };
        if !field.versions.contain(self.version) {
            return Err(self.violation(field, Violation::TagNotInVersion { tag }));
        }
        let start = self.reader.position();
        self.field(field)?;
        let taken_bytes = self.reader.position() - start;
        if taken_bytes != size_bytes {
            return Err(self.violation(
                field,
                Violation::TagSizeMismatch {
                    size_bytes,
                    taken_bytes,
                },
            ));
        }
        Ok(())
    }

    fn tag_and_size(&mut self) -> Result<(u32, usize), Violation> {
        let tag = self.reader.unsigned_varint()?;
        let size_bytes = self.reader.unsigned_varint()? as usize;
        Ok((tag, size_bytes))
    }

    fn unknown_tagged_field(&mut self, size_bytes: usize) -> Result<(), Violation> {
        self.charge(1, UNKNOWN_TAG_DECODED_BYTES)?;
        self.reader.take(size_bytes)?;
        Ok(())
    }

    #[cold]
    fn violation(&self, field: &Field, violation: Violation) -> ShapeError {
        ShapeError {
            field: field.name,
            at: self.reader.position(),
            violation,
        }
    }

    #[cold]
    fn tags_violation(&self, violation: Violation) -> ShapeError {
        ShapeError {
            field: "tagged fields",
            at: self.reader.position(),
            violation,
        }
    }
}

/// The width of a length before flexible versions.
#[derive(Clone, Copy)]
enum Width {
    Bits16,
    Bits32,
}

/// A body that is not what its API and version say.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{field} at byte {at}: {violation}")]
pub struct ShapeError {
    /// Kafka's name of the field in which the walk stopped.
    pub field: &'static str,
    /// Where in the body it stopped.
    pub at: usize,
    /// Why.
    pub violation: Violation,
}

/// What a body can do wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Violation {
    /// The body ends early, or holds a varint that does not.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A length below −1.
    #[error("a length of {length}")]
    NegativeLength {
        /// The length.
        length: i64,
    },
    /// Null where its version does not allow it.
    #[error("null where null is not allowed")]
    Null,
    /// A string longer than any of Kafka's.
    #[error("a string of {size_bytes} bytes")]
    StringTooLong {
        /// The length it claims.
        size_bytes: usize,
    },
    /// More elements than the rest of the body can hold.
    #[error("{count} elements in {left} bytes")]
    CountBeyondEnd {
        /// The count it claims.
        count: usize,
        /// The bytes that are left.
        left: usize,
    },
    /// More elements than [`ELEMENTS_MAX`].
    #[error("more than {ELEMENTS_MAX} elements")]
    TooManyElements,
    /// More memory than [`DECODED_BYTES_MAX`].
    #[error("more than {DECODED_BYTES_MAX} bytes once decoded")]
    TooLargeDecoded,
    /// A byte before a struct that is neither 1 nor negative.
    #[error("{byte} where 1 or -1 says whether a struct follows")]
    NeitherNullNorPresent {
        /// The byte.
        byte: i8,
    },
    /// A known tagged field in a version that does not have it.
    #[error("tag {tag} is not in this version")]
    TagNotInVersion {
        /// The tag.
        tag: u32,
    },
    /// A known tagged field whose size is not that of its value.
    #[error("a tagged field of {size_bytes} bytes holds a value of {taken_bytes}")]
    TagSizeMismatch {
        /// The size it claims.
        size_bytes: usize,
        /// The size of its value.
        taken_bytes: usize,
    },
}

#[cfg(test)]
mod tests;
