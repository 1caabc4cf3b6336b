//! Cutting a byte stream into frames.
//!
//! | bytes | what |
//! |---|---|
//! | 4 | size of what follows, signed big endian |
//! | size | the frame: a header and a body |
//!
//! The size is checked as soon as its four bytes are there, so that nothing is ever reserved for a frame that will
//! be refused. After an error the stream has no next frame: the connection must be closed.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the size in front of each frame.
pub const SIZE_BYTES: usize = 4;

/// Cuts frames of a limited size off the front of a buffer. Holds no bytes itself.
#[derive(Clone, Copy, Debug)]
pub struct FrameDecoder {
    frame_bytes_max: usize,
}

impl FrameDecoder {
    /// A decoder that refuses frames of more than `frame_bytes_max` bytes, their size field not counted.
    pub fn new(frame_bytes_max: usize) -> Self {
        FrameDecoder { frame_bytes_max }
    }

    /// Takes the first frame, if all of it is there, without its size field. It shares the buffer's memory.
    pub fn decode(&self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        let Some(size_bytes) = self.frame_size(buffer)? else {
            return Ok(None);
        };
        if buffer.len() - SIZE_BYTES < size_bytes {
            return Ok(None);
        }
        buffer.advance(SIZE_BYTES);
        Ok(Some(buffer.split_to(size_bytes).freeze()))
    }

    /// The size of the frame that `bytes` begin with, once its size field is there: what a reader must hold a
    /// permit for before it reads on.
    pub fn frame_size(&self, bytes: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(size_field) = bytes.first_chunk::<SIZE_BYTES>() else {
            return Ok(None);
        };
        let claimed = i32::from_be_bytes(*size_field);
        let size_bytes =
            usize::try_from(claimed).map_err(|_| FrameError::NegativeSize { claimed })?;
        if size_bytes > self.frame_bytes_max {
            return Err(FrameError::TooLarge {
                size_bytes,
                limit_bytes: self.frame_bytes_max,
            });
        }
        Ok(Some(size_bytes))
    }
}

/// Why a byte stream has no next frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FrameError {
    /// The size field is negative.
    #[error("a frame claims a size of {claimed} bytes")]
    NegativeSize {
        /// The size field as it stood there.
        claimed: i32,
    },
    /// The frame is larger than this side takes.
    #[error("a frame claims {size_bytes} bytes, the limit is {limit_bytes}")]
    TooLarge {
        /// The size field.
        size_bytes: usize,
        /// The limit in force.
        limit_bytes: usize,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode_all(limit: usize, stream: &[u8]) -> (Vec<Bytes>, Result<(), FrameError>, usize) {
        let decoder = FrameDecoder::new(limit);
        let mut buffer = BytesMut::from(stream);
        let mut frames = Vec::new();
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, Ok(()), buffer.len()),
                Err(error) => return (frames, Err(error), buffer.len()),
            }
        }
    }

    #[test]
    fn frames_are_cut_in_order_and_the_rest_stays() {
        let (frames, end, left) = decode_all(10, b"\0\0\0\x02ab\0\0\0\0\0\0\0\x01c\0\0\0\x05de");
        assert_eq!(frames, [&b"ab"[..], b"", b"c"]);
        assert_eq!((end, left), (Ok(()), 6));
    }

    #[test]
    fn an_incomplete_size_is_waited_for() {
        assert_eq!(decode_all(10, b"\0\0\0"), (vec![], Ok(()), 3));
    }

    #[test]
    fn a_size_over_the_limit_is_refused_before_the_frame_arrives() {
        let (frames, end, _) = decode_all(10, b"\0\0\0\x0b");
        assert!(frames.is_empty());
        assert_eq!(
            end,
            Err(FrameError::TooLarge {
                size_bytes: 11,
                limit_bytes: 10
            })
        );
    }

    #[test]
    fn a_frame_of_exactly_the_limit_is_taken() {
        assert_eq!(decode_all(2, b"\0\0\0\x02ab").0, [&b"ab"[..]]);
    }

    #[test]
    fn a_negative_size_is_refused() {
        let (_, end, _) = decode_all(10, b"\xff\xff\xff\xff");
        assert_eq!(end, Err(FrameError::NegativeSize { claimed: -1 }));
    }
}
