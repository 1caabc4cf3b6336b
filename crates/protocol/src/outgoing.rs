//! Frames on their way out: bytes written here, with slices of the log between them that are not copied.

use bytes::{BufMut, Bytes, BytesMut};

use crate::frame::SIZE_BYTES;

/// A frame ready to be written: size, header and body.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ResponseFrame {
    /// What to write, in order. None of them is empty.
    pub parts: Vec<Bytes>,
}

impl ResponseFrame {
    /// Bytes of all parts.
    pub fn size_bytes(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    /// All parts as one. This copies if there is more than one.
    pub fn to_bytes(&self) -> Bytes {
        match self.parts.as_slice() {
            [only] => only.clone(),
            parts => parts.concat().into(),
        }
    }
}

/// Slices smaller than this are copied: a part of its own costs more than that.
const COPIED_BYTES_MAX: usize = 256;

/// A frame under construction.
pub(crate) struct FrameWriter {
    /// All that is written here, the size field first.
    written: BytesMut,
    /// Slices to put in, each at a position of `written`, in order.
    inserted: Vec<(usize, Bytes)>,
    inserted_bytes: usize,
}

impl FrameWriter {
    /// A frame with nothing in it, and room for `expected_bytes`.
    pub(crate) fn new(expected_bytes: usize) -> Self {
        let mut written = BytesMut::with_capacity(SIZE_BYTES + expected_bytes);
        written.put_bytes(0, SIZE_BYTES);
        FrameWriter {
            written,
            inserted: Vec::new(),
            inserted_bytes: 0,
        }
    }

    /// Where to write.
    #[inline]
    pub(crate) fn buffer(&mut self) -> &mut BytesMut {
        &mut self.written
    }

    /// Puts a slice behind what was written so far.
    pub(crate) fn insert(&mut self, slice: Bytes) {
        if slice.len() < COPIED_BYTES_MAX {
            self.written.put_slice(&slice);
        } else {
            self.inserted_bytes += slice.len();
            self.inserted.push((self.written.len(), slice));
        }
    }

    /// Fills in the size and cuts the frame into parts.
    pub(crate) fn finish(mut self) -> Result<ResponseFrame, FrameTooLarge> {
        let size_bytes = self.written.len() - SIZE_BYTES + self.inserted_bytes;
        let size_field = i32::try_from(size_bytes).map_err(|_| FrameTooLarge { size_bytes })?;
        self.written[..SIZE_BYTES].copy_from_slice(&size_field.to_be_bytes());
        let mut rest = self.written.freeze();
        let mut parts = Vec::with_capacity(2 * self.inserted.len() + 1);
        let mut cut_off = 0;
        for (position, slice) in self.inserted {
            if position > cut_off {
                parts.push(rest.split_to(position - cut_off));
                cut_off = position;
            }
            parts.push(slice);
        }
        if !rest.is_empty() {
            parts.push(rest);
        }
        Ok(ResponseFrame { parts })
    }
}

/// A frame whose size does not fit its four bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a frame of {size_bytes} bytes")]
pub struct FrameTooLarge {
    /// The size.
    pub size_bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_without_slices_is_one_part() {
        let mut frame = FrameWriter::new(2);
        frame.buffer().put_slice(b"ab");
        let frame = frame.finish().expect("a small frame");
        assert_eq!(frame.parts, [&b"\0\0\0\x02ab"[..]]);
    }

    #[test]
    fn large_slices_are_parts_and_small_ones_are_copied() {
        let large = Bytes::from(vec![b'L'; COPIED_BYTES_MAX]);
        let mut frame = FrameWriter::new(0);
        frame.buffer().put_slice(b"a");
        frame.insert(large.clone());
        frame.insert(large.clone());
        frame.buffer().put_slice(b"b");
        frame.insert(Bytes::from_static(b"small"));
        frame.insert(large.clone());
        let frame = frame.finish().expect("a small frame");
        let size = (3 * COPIED_BYTES_MAX + 7) as u32;
        let head = [&size.to_be_bytes()[..], b"a"].concat();
        assert_eq!(frame.parts, [&head[..], &large, &large, b"bsmall", &large]);
        assert_eq!(frame.size_bytes(), size as usize + SIZE_BYTES);
        assert_eq!(frame.parts[1].as_ptr(), large.as_ptr(), "not copied");
        assert_eq!(frame.to_bytes().len(), frame.size_bytes());
    }
}
