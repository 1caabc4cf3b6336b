//! The bytes of a segment's log: out of a mapping, or read where mapping is not wanted.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use ottla_platform::disk::{DiskFile, Mapping};

/// Access to the bytes of a log that were written.
#[derive(Debug, Clone)]
pub(crate) enum LogBytes {
    Mapped(Arc<dyn Mapping>),
    File(Arc<dyn DiskFile>),
}

impl LogBytes {
    /// `len` bytes from `position`, which must have been written.
    pub(crate) fn view(&self, position: u32, len: usize) -> io::Result<Bytes> {
        match self {
            LogBytes::Mapped(mapping) => mapping.slice(position.into(), len),
            LogBytes::File(file) => {
                let mut buffer = BytesMut::zeroed(len);
                file.read_exact_at(&mut buffer, position.into())?;
                Ok(buffer.freeze())
            }
        }
    }

    /// Says that these bytes will be viewed soon.
    pub(crate) fn will_need(&self, position: u32, len: usize) {
        match self {
            LogBytes::Mapped(mapping) => mapping.will_need(position.into(), len),
            LogBytes::File(_) => {}
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
