//! Reading frames off a socket without copying what is large.
//!
//! Small frames share a buffer, several to a read; a frame over
//! [`SHARED_READ_BYTES_MAX`](limits::SHARED_READ_BYTES_MAX) gets a buffer of its own size. The size of
//! the last frame predicts the next one, so a steady client costs one read per frame: room for a little
//! more than the frame is offered, because a read that comes back short tells the reactor that the
//! socket is empty, and saves the second call that would only say so.
//!
//! Nothing is reserved for a frame before its memory is granted: [`FrameReader::due`] says what the
//! next frame wants, and the owner reads on only when it holds a permit for it.

use std::io;
use std::pin::pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use ottla_protocol::frame::{FrameDecoder, FrameError, SIZE_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::limits::SHARED_READ_BYTES_MAX;

/// Room offered for a first read, and kept by a connection that has read something.
const FIRST_READ_BYTES: usize = 4 * 1024;

/// Room offered beyond a frame, so that the read that completes it comes back short.
const SLACK_BYTES: usize = 64;

/// Where the bytes of one connection become frames.
pub(super) struct FrameReader {
    decoder: FrameDecoder,
    buffer: BytesMut,
    last_frame_bytes: usize,
}

impl FrameReader {
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        FrameReader {
            decoder: FrameDecoder::new(frame_bytes_max),
            buffer: BytesMut::new(),
            last_frame_bytes: 0,
        }
    }

    /// The size of the next frame, once its size field has been read.
    pub(super) fn due(&self) -> Result<Option<usize>, FrameError> {
        self.decoder.frame_size(&self.buffer)
    }

    /// Takes the next frame, if all of it has been read.
    pub(super) fn take(&mut self) -> Result<Option<Bytes>, FrameError> {
        let frame = self.decoder.decode(&mut self.buffer)?;
        if let Some(frame) = &frame {
            self.last_frame_bytes = frame.len();
        }
        Ok(frame)
    }

    /// Whether the peer is in the middle of a frame.
    pub(super) fn is_mid_frame(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Reads once. `Ok(0)` is the end of the stream.
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        socket: &mut (impl AsyncRead + Unpin),
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        pin!(socket.read_buf(&mut self.buffer)).poll(context)
    }

    /// Gives back the memory of a connection that has nothing under way.
    pub(super) fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.capacity() > 0 {
            self.buffer = BytesMut::new();
        }
    }

    fn make_room(&mut self) {
        let missing_bytes = match self.decoder.frame_size(&self.buffer) {
            Ok(Some(size_bytes)) => {
                (SIZE_BYTES + size_bytes).saturating_sub(self.buffer.len()) + SLACK_BYTES
            }
            // Its owner takes errors from `due` and does not read on.
            Ok(None) | Err(_) => self.expected_bytes(),
        };
        let room_bytes = self.buffer.capacity() - self.buffer.len();
        if room_bytes < missing_bytes {
            self.buffer.reserve(missing_bytes);
        }
    }

    /// A guess for a frame whose size is not known: as the last one, unless that was so large that a
    /// wrong guess, and copying what the guess has read, would cost more than a short first read.
    fn expected_bytes(&self) -> usize {
        let like_the_last = SIZE_BYTES + self.last_frame_bytes + SLACK_BYTES;
        if like_the_last <= SHARED_READ_BYTES_MAX {
            like_the_last.max(FIRST_READ_BYTES)
        } else {
            FIRST_READ_BYTES
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that delivers at most so many bytes a read, and counts the reads.
    struct Trickle<'a> {
        bytes: &'a [u8],
        per_read: usize,
        reads: usize,
    }

    impl AsyncRead for Trickle<'_> {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            room: &mut tokio::io::ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let taken = self.bytes.len().min(self.per_read).min(room.remaining());
            let (now, later) = self.bytes.split_at(taken);
            room.put_slice(now);
            self.bytes = later;
            self.reads += 1;
            Poll::Ready(Ok(()))
        }
    }

    fn frame(fill: u8, bytes: usize) -> Vec<u8> {
        let mut framed = u32::try_from(bytes).unwrap().to_be_bytes().to_vec();
        framed.resize(SIZE_BYTES + bytes, fill);
        framed
    }

    fn read_all(per_read: usize, stream: &[u8]) -> (Vec<Bytes>, usize) {
        let mut reader = FrameReader::new(1 << 24);
        let mut socket = Trickle {
            bytes: stream,
            per_read,
            reads: 0,
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        let mut frames = Vec::new();
        while !socket.bytes.is_empty() {
            assert!(reader.poll_read(&mut context, &mut socket).is_ready());
            while let Some(frame) = reader.take().unwrap() {
                frames.push(frame);
            }
        }
        assert!(!reader.is_mid_frame());
        (frames, socket.reads)
    }

    #[test]
    fn frames_come_out_whole_however_the_bytes_arrive() {
        let sizes = [0, 1, 100, 5_000, SHARED_READ_BYTES_MAX, 300_000, 7];
        let stream: Vec<u8> = sizes
            .iter()
            .flat_map(|&size| frame(size as u8, size))
            .collect();
        for per_read in [1, 3, 4_096, 10_000, usize::MAX] {
            let (frames, _) = read_all(per_read, &stream);
            let got: Vec<usize> = frames.iter().map(Bytes::len).collect();
            assert_eq!(got, sizes, "{per_read} bytes a read");
            assert!(
                frames
                    .iter()
                    .all(|frame| frame.iter().all(|&b| b == frame.len() as u8))
            );
        }
    }

    #[test]
    fn a_steady_client_costs_one_read_a_frame() {
        let mut reader = FrameReader::new(1 << 24);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let bytes = frame(7, 16_500);
        for round in 0..5 {
            let mut socket = Trickle {
                bytes: &bytes,
                per_read: usize::MAX,
                reads: 0,
            };
            while reader.take().unwrap().is_none() {
                assert!(reader.poll_read(&mut context, &mut socket).is_ready());
            }
            assert_eq!(socket.reads, if round == 0 { 2 } else { 1 });
        }
    }

    #[test]
    fn a_large_frame_has_a_buffer_of_its_own() {
        let mut reader = FrameReader::new(1 << 24);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let bytes = frame(7, 1_000_000);
        let mut socket = Trickle {
            bytes: &bytes,
            per_read: usize::MAX,
            reads: 0,
        };
        while reader.take().unwrap().is_none() {
            assert!(reader.poll_read(&mut context, &mut socket).is_ready());
        }
        assert_eq!(socket.reads, 2);
        assert!(reader.buffer.capacity() <= SLACK_BYTES);
    }

    #[test]
    fn an_oversize_frame_is_refused_when_its_size_is_read() {
        let mut reader = FrameReader::new(1_000);
        let mut context = Context::from_waker(std::task::Waker::noop());
        let bytes = frame(7, 1_001);
        let mut socket = Trickle {
            bytes: &bytes,
            per_read: SIZE_BYTES,
            reads: 0,
        };
        assert_eq!(reader.due(), Ok(None));
        assert!(reader.poll_read(&mut context, &mut socket).is_ready());
        assert!(matches!(
            reader.due(),
            Err(FrameError::TooLarge {
                size_bytes: 1_001,
                ..
            })
        ));
    }
}
