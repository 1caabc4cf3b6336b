//! The bytes of a segment's log: out of a mapping, or read where mapping is not wanted.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ottla_platform::disk::{DiskFile, Mapping, is_unreadable};

/// Access to the bytes of a log that were written.
#[derive(Debug, Clone)]
pub(crate) enum LogBytes {
    Mapped(Arc<dyn Mapping>),
    File(Arc<dyn DiskFile>),
}

impl LogBytes {
    /// `len` bytes from `position`, which must have been written, and fetched if they may not be in memory.
    ///
    /// # Errors
    /// The disk fails; if it is these bytes that it does not give, they are damaged ([`crate::is_damage`]).
    pub(crate) fn view(&self, position: u32, len: usize) -> io::Result<Bytes> {
        let view = match self {
            LogBytes::Mapped(mapping) => mapping.slice(position.into(), len),
            LogBytes::File(file) => {
                let mut buffer = BytesMut::zeroed(len);
                let read = file.read_exact_at(&mut buffer, position.into());
                read.map(|()| buffer.freeze())
            }
        };
        view.map_err(|error| damaged_if_unreadable(error, position))
    }

    /// Brings these bytes to memory; errors as those of a view.
    pub(crate) fn fetch(&self, position: u32, len: usize) -> io::Result<()> {
        match self {
            LogBytes::Mapped(mapping) => mapping
                .fetch(position.into(), len)
                .map_err(|error| damaged_if_unreadable(error, position)),
            LogBytes::File(_) => Ok(()),
        }
    }

    /// Whether a view costs the same whatever its length.
    pub(crate) fn is_zero_copy(&self) -> bool {
        match self {
            LogBytes::Mapped(mapping) => mapping.is_zero_copy(),
            LogBytes::File(_) => false,
        }
    }
}

fn damaged_if_unreadable(error: io::Error, position: u32) -> io::Error {
    match is_unreadable(&error) {
        true => {
            let text =
                format!("the disk does not give what stands at position {position} or behind");
            io::Error::new(io::ErrorKind::InvalidData, text)
        }
        false => error,
    }
}
