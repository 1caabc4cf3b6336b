//! Frames out of a socket, one after the other.

use std::io;

use bytes::{Bytes, BytesMut};
use ottla_protocol::frame::{FrameDecoder, SIZE_BYTES};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::limits::READ_BUFFER_BYTES;

/// Reads frames of a limited size. A frame shares its memory with those read beside it.
pub(super) struct FrameReader<R> {
    read: R,
    buffer: BytesMut,
    decoder: FrameDecoder,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(super) fn new(read: R, frame_bytes_max: usize) -> FrameReader<R> {
        FrameReader {
            read,
            buffer: BytesMut::new(),
            decoder: FrameDecoder::new(frame_bytes_max),
        }
    }

    /// Other sizes from now on.
    pub(super) fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.decoder = FrameDecoder::new(frame_bytes_max);
    }

    /// The next frame; `None` where the stream ends between two. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let decoded = self.decoder.decode(&mut self.buffer);
            if let Some(frame) = decoded.map_err(io::Error::other)? {
                return Ok(Some(frame));
            }
            let announced = self.decoder.frame_size(&self.buffer);
            let missing = announced.map_err(io::Error::other)?.map_or(0, |size| {
                (SIZE_BYTES + size).saturating_sub(self.buffer.len())
            });
            let room = self.buffer.capacity() - self.buffer.len();
            if room < missing.max(READ_BUFFER_BYTES / 8) {
                self.buffer.reserve(missing.max(READ_BUFFER_BYTES));
            }
            if self.read.read_buf(&mut self.buffer).await? == 0 {
                return match self.buffer.is_empty() {
                    true => Ok(None),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
        }
    }
}
