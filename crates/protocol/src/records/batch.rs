//! A whole batch: head and payload apart, so that the log can assign offset and epoch without
//! copying or changing the payload.

use bytes::{Bytes, BytesMut};

use super::header::{HEADER_LEN, LENGTH_PREFIX, MAGIC};
use super::{BatchHeader, RecordIter};

/// A batch: its head, decoded, and the bytes after it as they came (compressed or not).
/// Invariant: `header.batch_length` counts exactly head and payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The fixed 61 bytes.
    pub header: BatchHeader,
    /// The records, encoded and possibly compressed.
    pub payload: Bytes,
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Fewer bytes than the head, or than the length field claims.
    #[error("the batch ends early: {have} bytes of {need}")]
    Truncated {
        /// Bytes at hand.
        have: usize,
        /// Bytes needed.
        need: usize,
    },
    /// A length field below the head's own size.
    #[error("batch length {0} is smaller than a batch header")]
    BadLength(i32),
    /// Not format version 2.
    #[error("record format {0} is not supported, only 2 is")]
    BadMagic(i8),
    /// The checksum does not match.
    #[error("checksum mismatch: stored {stored:#010x}, computed {computed:#010x}")]
    BadCrc {
        /// In the head.
        stored: u32,
        /// Of the bytes.
        computed: u32,
    },
}

impl Batch {
    /// Takes the first batch off the front of `bytes`, which keeps the rest. Checks lengths and
    /// magic, not the CRC. The payload is a slice, not a copy.
    ///
    /// # Errors
    /// The bytes at the front are not a whole batch of format 2.
    pub fn split_from(bytes: &mut Bytes) -> Result<Batch, BatchError> {
        let header = parse_framed(bytes)?;
        let mut whole = bytes.split_to(header.size_bytes());
        Ok(Batch {
            header,
            payload: whole.split_off(HEADER_LEN),
        })
    }

    /// Whole size, head included.
    pub fn size_bytes(&self) -> usize {
        HEADER_LEN + self.payload.len()
    }

    /// Compares the stored CRC with the bytes.
    ///
    /// # Errors
    /// [`BatchError::BadCrc`].
    pub fn verify_crc(&self) -> Result<(), BatchError> {
        let (stored, computed) = (self.header.crc, self.header.crc_with(&self.payload));
        if stored == computed {
            Ok(())
        } else {
            Err(BatchError::BadCrc { stored, computed })
        }
    }

    /// Sets length and CRC from what the batch now holds.
    #[must_use]
    pub fn sealed(mut self) -> Batch {
        let length = HEADER_LEN - LENGTH_PREFIX + self.payload.len();
        self.header.batch_length = i32::try_from(length).unwrap_or(i32::MAX);
        self.header.crc = self.header.crc_with(&self.payload);
        self
    }

    /// Head and payload in one buffer (copies).
    pub fn to_bytes(&self) -> Bytes {
        let mut all = BytesMut::with_capacity(self.size_bytes());
        all.extend_from_slice(&self.header.encode());
        all.extend_from_slice(&self.payload);
        all.freeze()
    }

    /// The records, decompressed if needed up to `limit_bytes`.
    ///
    /// # Errors
    /// The codec is unknown, its data is broken, or it inflates beyond the limit.
    pub fn records(&self, limit_bytes: usize) -> Result<RecordIter, super::CompressionError> {
        RecordIter::of(self, limit_bytes)
    }
}

/// Walks the batches of a buffer, slice by slice, until its end or the first error.
/// An incomplete batch at the end is an error, which a fetching client may ignore.
#[derive(Debug, Clone)]
pub struct Batches(pub Bytes);

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let result = Batch::split_from(&mut self.0);
        if result.is_err() {
            self.0.clear();
        }
        Some(result)
    }
}

/// Parses the head of a batch that must be whole inside `bytes`.
fn parse_framed(bytes: &[u8]) -> Result<BatchHeader, BatchError> {
    let truncated = |need| BatchError::Truncated {
        have: bytes.len(),
        need,
    };
    let header = BatchHeader::parse(bytes).ok_or(truncated(HEADER_LEN))?;
    if header.magic != MAGIC {
        return Err(BatchError::BadMagic(header.magic));
    }
    if header.size_bytes() < HEADER_LEN {
        return Err(BatchError::BadLength(header.batch_length));
    }
    if header.size_bytes() > bytes.len() {
        return Err(truncated(header.size_bytes()));
    }
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::{BatchBuilder, Compression};

    fn sample() -> Batch {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.push(5, Some(b"k"), Some(b"v"), &[]);
        builder.build().unwrap()
    }

    #[test]
    fn two_batches_in_one_buffer_come_apart() {
        let bytes = [sample().to_bytes(), sample().to_bytes()].concat();
        let all: Vec<_> = Batches(bytes.into()).map(Result::unwrap).collect();
        assert_eq!(all, vec![sample(), sample()]);
        all[0].verify_crc().unwrap();
    }

    #[test]
    fn a_cut_batch_says_how_much_is_missing() {
        let bytes = sample().to_bytes();
        let need = bytes.len();
        for have in 0..need {
            let error = Batch::split_from(&mut bytes.slice(..have)).unwrap_err();
            assert!(
                matches!(error, BatchError::Truncated { have: h, .. } if h == have),
                "{error}"
            );
        }
    }

    #[test]
    fn wrong_magic_length_and_crc_are_told_apart() {
        let mut bytes = sample().to_bytes().to_vec();
        bytes[16] = 1;
        let error = Batch::split_from(&mut Bytes::from(bytes.clone())).unwrap_err();
        assert_eq!(error, BatchError::BadMagic(1));
        bytes[16] = 2;
        bytes[8..12].copy_from_slice(&(-7i32).to_be_bytes());
        let error = Batch::split_from(&mut Bytes::from(bytes)).unwrap_err();
        assert_eq!(error, BatchError::BadLength(-7));
        let mut flipped = sample();
        flipped.header.max_timestamp ^= 1;
        assert!(matches!(
            flipped.verify_crc(),
            Err(BatchError::BadCrc { .. })
        ));
    }
}
