//! Small pieces of our own binary formats: an envelope with magic, version and checksum, and
//! lists whose length is checked before anything is allocated. All integers are big-endian.
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic: what kind of file this is |
//! | 4 | 2 | version |
//! | 6 | 4 | CRC-32C of the rest |
//! | 10 | rest | body |

use bytes::{Buf, BufMut, Bytes, BytesMut, TryGetError};

/// Bytes before the body.
pub(crate) const ENVELOPE_LEN: usize = 10;

/// The bytes are not what they should be: checksum, version, or lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Malformed {
        Malformed
    }
}

/// Puts `body` into an envelope.
pub(crate) fn seal(magic: [u8; 4], version: u16, body: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(ENVELOPE_LEN + body.len());
    bytes.put_slice(&magic);
    bytes.put_u16(version);
    bytes.put_u32(crc32c::crc32c(body));
    bytes.put_slice(body);
    bytes.freeze()
}

/// Takes the body out of an envelope of this kind and version.
pub(crate) fn unseal(magic: [u8; 4], version: u16, mut bytes: &[u8]) -> Result<&[u8], Malformed> {
    let mut found = [0; 4];
    bytes.try_copy_to_slice(&mut found)?;
    let version_found = bytes.try_get_u16()?;
    let crc = bytes.try_get_u32()?;
    if found != magic || version_found != version || crc32c::crc32c(bytes) != crc {
        return Err(Malformed);
    }
    Ok(bytes)
}

/// Writes a 32-bit count and the items.
pub(crate) fn put_list<T>(to: &mut BytesMut, items: &[T], mut put: impl FnMut(&mut BytesMut, &T)) {
    to.put_u32(u32::try_from(items.len()).expect("lists of a log are bounded"));
    for item in items {
        put(to, item);
    }
}

/// Reads what [`put_list`] wrote; each item must take at least `bytes_min`.
pub(crate) fn get_list<T>(
    from: &mut &[u8],
    bytes_min: usize,
    mut get: impl FnMut(&mut &[u8]) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let count = from.try_get_u32()? as usize;
    if count > from.len() / bytes_min {
        return Err(Malformed);
    }
    (0..count).map(|_| get(from)).collect()
}

/// Writes a flag and, if there is one, the item.
pub(crate) fn put_option<T>(
    to: &mut BytesMut,
    item: Option<T>,
    put: impl FnOnce(&mut BytesMut, T),
) {
    to.put_u8(item.is_some().into());
    if let Some(item) = item {
        put(to, item);
    }
}

/// Reads what [`put_option`] wrote.
pub(crate) fn get_option<T>(
    from: &mut &[u8],
    get: impl FnOnce(&mut &[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, Malformed> {
    match from.try_get_u8()? {
        0 => Ok(None),
        1 => get(from).map(Some),
        _ => Err(Malformed),
    }
}

/// Reads a 32-bit length and that many bytes.
pub(crate) fn get_bytes(from: &mut &[u8]) -> Result<Bytes, Malformed> {
    let len = from.try_get_u32()? as usize;
    let (bytes, rest) = from.split_at_checked(len).ok_or(Malformed)?;
    *from = rest;
    Ok(Bytes::copy_from_slice(bytes))
}

/// Writes a 32-bit length and the bytes.
pub(crate) fn put_bytes(to: &mut BytesMut, bytes: &[u8]) {
    to.put_u32(u32::try_from(bytes.len()).expect("a frame is smaller than 2 GiB"));
    to.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_opens_only_as_what_it_is() {
        let sealed = seal(*b"ABCD", 3, b"body");
        assert_eq!(unseal(*b"ABCD", 3, &sealed), Ok(&b"body"[..]));
        assert_eq!(unseal(*b"ABCE", 3, &sealed), Err(Malformed));
        assert_eq!(unseal(*b"ABCD", 4, &sealed), Err(Malformed));
        for at in 0..sealed.len() {
            let mut flipped = sealed.to_vec();
            flipped[at] ^= 4;
            assert_eq!(unseal(*b"ABCD", 3, &flipped), Err(Malformed), "byte {at}");
            assert_eq!(
                unseal(*b"ABCD", 3, &sealed[..at]),
                Err(Malformed),
                "cut at {at}"
            );
        }
    }

    #[test]
    fn a_huge_count_is_refused_before_anything_is_allocated() {
        let mut bytes = &[0xff, 0xff, 0xff, 0xff, 1, 2, 3][..];
        assert_eq!(
            get_list(&mut bytes, 1, |b| Ok(b.try_get_u8()?)),
            Err(Malformed)
        );
        assert_eq!(get_bytes(&mut &[0, 0, 0, 2, 1][..]), Err(Malformed));
    }
}
