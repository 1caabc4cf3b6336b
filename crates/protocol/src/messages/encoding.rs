//! The primitives that the messages defined here are written with: strings, counts and tagged fields, as versions
//! without and with compact encodings have them.
//!
//! Reading trusts nothing but its buffer: what is not there is an error. Counts are believed, because every body has
//! survived the bounded walk before.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use bytes::{Buf, BufMut, Bytes};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::protocol::buf::ByteBuf;

use crate::wire::put_unsigned_varint;

/// How a version of a message writes lengths and ends its structs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Encoding {
    /// 16-bit lengths, 32-bit counts.
    Classic,
    /// Compact lengths and counts; tagged fields at the end of each struct.
    Flexible,
}

impl Encoding {
    /// That of a version of a message that is flexible from `first_flexible` on.
    pub(super) fn of(version: i16, first_flexible: i16) -> Encoding {
        if version >= first_flexible {
            Encoding::Flexible
        } else {
            Encoding::Classic
        }
    }

    pub(super) fn put_string<B: BufMut>(
        self,
        buffer: &mut B,
        text: Option<&StrBytes>,
    ) -> anyhow::Result<()> {
        match (self, text) {
            (Encoding::Classic, None) => buffer.put_i16(-1),
            (Encoding::Classic, Some(text)) => {
                let size_bytes = i16::try_from(text.len()).context("a string is too long")?;
                buffer.put_i16(size_bytes);
            }
            (Encoding::Flexible, None) => put_unsigned_varint(buffer, 0),
            (Encoding::Flexible, Some(text)) => {
                put_unsigned_varint(buffer, length(text.len().saturating_add(1))?);
            }
        }
        buffer.put_slice(text.map_or(b"", |text| text.as_bytes()));
        Ok(())
    }

    pub(super) fn put_count<B: BufMut>(self, buffer: &mut B, count: usize) -> anyhow::Result<()> {
        match self {
            Encoding::Classic => {
                buffer.put_i32(i32::try_from(count).context("an array is too long")?);
            }
            Encoding::Flexible => put_unsigned_varint(buffer, length(count.saturating_add(1))?),
        }
        Ok(())
    }

    pub(super) fn put_null_array<B: BufMut>(self, buffer: &mut B) {
        match self {
            Encoding::Classic => buffer.put_i32(-1),
            Encoding::Flexible => put_unsigned_varint(buffer, 0),
        }
    }

    pub(super) fn put_tagged_fields<B: BufMut>(
        self,
        buffer: &mut B,
        fields: &BTreeMap<i32, Bytes>,
    ) -> anyhow::Result<()> {
        if self == Encoding::Classic {
            return Ok(());
        }
        put_unsigned_varint(buffer, length(fields.len())?);
        for (&tag, value) in fields {
            put_unsigned_varint(buffer, tag.cast_unsigned());
            put_unsigned_varint(buffer, length(value.len())?);
            buffer.put_slice(value);
        }
        Ok(())
    }

    pub(super) fn string<B: ByteBuf>(self, buffer: &mut B) -> anyhow::Result<StrBytes> {
        self.nullable_string(buffer)?
            .context("a string that must be there is null")
    }

    pub(super) fn nullable_string<B: ByteBuf>(
        self,
        buffer: &mut B,
    ) -> anyhow::Result<Option<StrBytes>> {
        let size_bytes = match self {
            Encoding::Classic => usize::try_from(buffer.try_get_i16()?).ok(),
            Encoding::Flexible => before_plus_one(unsigned_varint(buffer)?),
        };
        let Some(size_bytes) = size_bytes else {
            return Ok(None);
        };
        Ok(Some(StrBytes::from_utf8(
            buffer.try_get_bytes(size_bytes)?,
        )?))
    }

    /// Reads an array whose elements `read` reads.
    pub(super) fn array<B: ByteBuf, T>(
        self,
        buffer: &mut B,
        mut read: impl FnMut(&mut B) -> anyhow::Result<T>,
    ) -> anyhow::Result<Vec<T>> {
        self.nullable_array(buffer, &mut read)?
            .context("an array that must be there is null")
    }

    pub(super) fn nullable_array<B: ByteBuf, T>(
        self,
        buffer: &mut B,
        mut read: impl FnMut(&mut B) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<Vec<T>>> {
        let count = match self {
            Encoding::Classic => usize::try_from(buffer.try_get_i32()?).ok(),
            Encoding::Flexible => before_plus_one(unsigned_varint(buffer)?),
        };
        let Some(count) = count else {
            return Ok(None);
        };
        (0..count)
            .map(|_| read(buffer))
            .collect::<Result<_, _>>()
            .map(Some)
    }

    pub(super) fn tagged_fields<B: ByteBuf>(
        self,
        buffer: &mut B,
    ) -> anyhow::Result<BTreeMap<i32, Bytes>> {
        let mut fields = BTreeMap::new();
        if self == Encoding::Classic {
            return Ok(fields);
        }
        for _ in 0..unsigned_varint(buffer)? {
            let tag = unsigned_varint(buffer)?.cast_signed();
            let size_bytes = unsigned_varint(buffer)? as usize;
            fields.insert(tag, buffer.try_get_bytes(size_bytes)?);
        }
        Ok(fields)
    }
}

/// Compact lengths are one more than they say, so that 0 is null.
fn before_plus_one(value: u32) -> Option<usize> {
    value.checked_sub(1).map(|value| value as usize)
}

fn unsigned_varint<B: Buf>(buffer: &mut B) -> anyhow::Result<u32> {
    let mut value: u32 = 0;
    for group in 0..5 {
        let byte = buffer.try_get_u8()?;
        value |= u32::from(byte & 0x7f) << (7 * group);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    bail!("a varint has more than five bytes")
}

fn length(count: usize) -> anyhow::Result<u32> {
    u32::try_from(count).context("a length has more than 32 bits")
}
