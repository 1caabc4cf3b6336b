//! The four codecs, always as streams and always with a limit: what a batch inflates to is
//! known only by inflating it, so nothing here ever allocates by a length it was told.
//!
//! Snappy comes in two forms: the framing of the Java client (an 16-byte head, then blocks with
//! a 4-byte length) and a single raw block, which some other clients send.

use std::io::{self, BufRead, BufReader, Read, Write};

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::varint::invalid;

/// A codec, numbered as in the attributes of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Compression {
    /// Plain.
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy in the Java client's framing, or one raw block.
    Snappy,
    /// LZ4 frame format.
    Lz4,
    /// RFC 8878 (KIP-110).
    Zstd,
}

/// Why data could not be inflated.
#[derive(Debug, thiserror::Error)]
pub enum CompressionError {
    /// Codec ids 5–7.
    #[error("compression type id {0} is not assigned")]
    UnknownCodec(i16),
    /// It inflates to more than allowed.
    #[error("decompressed size exceeds the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// The codec refuses the data.
    #[error("broken {codec} data: {source}")]
    Broken {
        /// The codec's name.
        codec: &'static str,
        /// What it said.
        source: io::Error,
    },
}

const SNAPPY_MAGIC: [u8; 8] = [0x82, b'S', b'N', b'A', b'P', b'P', b'Y', 0];
const SNAPPY_HEAD_LEN: usize = 16;
const SNAPPY_BLOCK_BYTES: usize = 32 * 1024;
/// A 3-byte copy element yields at most 64 bytes, so no honest block grows more than this.
const SNAPPY_MAX_RATIO: usize = 22;
const STREAM_BUFFER_BYTES: usize = 16 * 1024;

impl Compression {
    /// By its id in the attributes; `None` for 5–7.
    pub fn from_id(id: i16) -> Option<Compression> {
        use Compression::{Gzip, Lz4, None as Plain, Snappy, Zstd};
        [Plain, Gzip, Snappy, Lz4, Zstd]
            .into_iter()
            .find(|codec| codec.id() == id)
    }

    /// Its id in the attributes.
    pub fn id(self) -> i16 {
        self as i16
    }

    /// Its name in configs (`compression.type`); `none` for plain.
    pub fn name(self) -> &'static str {
        match self {
            Compression::None => "none",
            Compression::Gzip => "gzip",
            Compression::Snappy => "snappy",
            Compression::Lz4 => "lz4",
            Compression::Zstd => "zstd",
        }
    }

    /// A stream of the plain bytes of `data`. It may be endless: the caller bounds what it takes.
    pub(super) fn reader<'a>(self, data: &'a [u8]) -> io::Result<Box<dyn BufRead + 'a>> {
        fn buffered<'a>(from: impl Read + 'a) -> Box<dyn BufRead + 'a> {
            Box::new(BufReader::with_capacity(STREAM_BUFFER_BYTES, from))
        }
        Ok(match self {
            Compression::None => Box::new(data),
            Compression::Gzip => buffered(MultiGzDecoder::new(data)),
            Compression::Snappy => Box::new(SnappyReader::new(data)),
            Compression::Lz4 => buffered(lz4::Decoder::new(data)?),
            Compression::Zstd => buffered(zstd::stream::read::Decoder::with_buffer(data)?),
        })
    }

    pub(super) fn broken(self, source: io::Error) -> CompressionError {
        CompressionError::Broken {
            codec: self.name(),
            source,
        }
    }
}

/// Inflates `data`, giving up beyond `limit_bytes`. Memory grows with what really comes out.
///
/// # Errors
/// Broken data, or too much of it.
pub fn decompress(
    codec: Compression,
    data: &[u8],
    limit_bytes: usize,
) -> Result<Bytes, CompressionError> {
    let mut plain = Vec::new();
    let most = (limit_bytes as u64).saturating_add(1);
    codec
        .reader(data)
        .and_then(|reader| reader.take(most).read_to_end(&mut plain))
        .map_err(|source| codec.broken(source))?;
    if plain.len() > limit_bytes {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    Ok(plain.into())
}

/// Compresses `data` at `level`, in the ranges of Kafka's `compression.*.level` configs
/// (gzip −1 or 1–9, lz4 1–17, zstd −131072–22; ignored by the others), the codec's own default
/// if `None`.
///
/// # Errors
/// The codec fails, which memory shortage alone can cause.
pub fn compress(codec: Compression, level: Option<i32>, data: &[u8]) -> io::Result<Bytes> {
    let mut encoder = Encoder::new(codec, level)?;
    encoder.write_all(data)?;
    encoder.finish().map(Bytes::from)
}

/// A codec's writing side, into memory.
pub(super) enum Encoder {
    None(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Snappy(SnappyWriter),
    Lz4(lz4::Encoder<Vec<u8>>),
    Zstd(zstd::stream::write::Encoder<'static, Vec<u8>>),
}

impl Encoder {
    pub(super) fn new(codec: Compression, level: Option<i32>) -> io::Result<Encoder> {
        Ok(match codec {
            Compression::None => Encoder::None(Vec::new()),
            Compression::Gzip => {
                let level = level.and_then(|level| u32::try_from(level).ok());
                let level = level.map_or(flate2::Compression::default(), flate2::Compression::new);
                Encoder::Gzip(GzEncoder::new(Vec::new(), level))
            }
            Compression::Snappy => Encoder::Snappy(SnappyWriter::new()),
            Compression::Lz4 => Encoder::Lz4(
                lz4::EncoderBuilder::new()
                    .level(level.unwrap_or(0).max(0).unsigned_abs())
                    .block_size(lz4::BlockSize::Max64KB)
                    .block_mode(lz4::BlockMode::Independent)
                    .checksum(lz4::ContentChecksum::NoChecksum)
                    .build(Vec::new())?,
            ),
            Compression::Zstd => Encoder::Zstd(zstd::stream::write::Encoder::new(
                Vec::new(),
                level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL),
            )?),
        })
    }

    /// Writes what is left and gives all compressed bytes.
    pub(super) fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Encoder::None(bytes) => Ok(bytes),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Snappy(encoder) => encoder.finish(),
            Encoder::Lz4(encoder) => {
                let (bytes, result) = encoder.finish();
                result.map(|()| bytes)
            }
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl Write for Encoder {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(bytes) => bytes.write(plain),
            Encoder::Gzip(encoder) => encoder.write(plain),
            Encoder::Snappy(encoder) => encoder.write(plain),
            Encoder::Lz4(encoder) => encoder.write(plain),
            Encoder::Zstd(encoder) => encoder.write(plain),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects blocks of 32 KiB and frames each.
pub(super) struct SnappyWriter {
    framed: Vec<u8>,
    block: Vec<u8>,
}

impl SnappyWriter {
    fn new() -> SnappyWriter {
        let mut framed = SNAPPY_MAGIC.to_vec();
        framed.extend_from_slice(&1i32.to_be_bytes()); // version
        framed.extend_from_slice(&1i32.to_be_bytes()); // oldest reader that understands it
        SnappyWriter {
            framed,
            block: Vec::new(),
        }
    }

    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        let taken = plain.len().min(SNAPPY_BLOCK_BYTES - self.block.len());
        self.block.extend_from_slice(&plain[..taken]);
        if self.block.len() == SNAPPY_BLOCK_BYTES {
            self.frame_block()?;
        }
        Ok(taken)
    }

    fn frame_block(&mut self) -> io::Result<()> {
        let block = snap::raw::Encoder::new().compress_vec(&self.block)?;
        let length = u32::try_from(block.len()).expect("a block is some 32 KiB");
        self.framed.extend_from_slice(&length.to_be_bytes());
        self.framed.extend_from_slice(&block);
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<u8>> {
        if !self.block.is_empty() {
            self.frame_block()?;
        }
        Ok(self.framed)
    }
}

/// Inflates one block after the other; holds one.
struct SnappyReader<'a> {
    rest: &'a [u8],
    framed: bool,
    block: Vec<u8>,
    at: usize,
}

impl<'a> SnappyReader<'a> {
    fn new(data: &'a [u8]) -> SnappyReader<'a> {
        let framed = data.len() >= SNAPPY_HEAD_LEN && data.starts_with(&SNAPPY_MAGIC);
        SnappyReader {
            rest: if framed {
                &data[SNAPPY_HEAD_LEN..]
            } else {
                data
            },
            framed,
            block: Vec::new(),
            at: 0,
        }
    }

    fn next_block(&mut self) -> io::Result<()> {
        let compressed = if self.framed {
            let (length, rest) = self
                .rest
                .split_first_chunk()
                .ok_or_else(|| invalid("snappy block length cut off"))?;
            let length = u32::from_be_bytes(*length) as usize;
            if length > rest.len() {
                return Err(invalid("snappy block longer than its data"));
            }
            let (block, rest) = rest.split_at(length);
            self.rest = rest;
            block
        } else {
            std::mem::take(&mut self.rest)
        };
        let plain_len = snap::raw::decompress_len(compressed)?;
        if plain_len > compressed.len().saturating_mul(SNAPPY_MAX_RATIO) {
            return Err(invalid("snappy block claims an impossible size"));
        }
        self.block.resize(plain_len, 0);
        self.at = 0;
        snap::raw::Decoder::new().decompress(compressed, &mut self.block)?;
        Ok(())
    }
}

impl Read for SnappyReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let here = self.fill_buf()?;
        let taken = here.len().min(into.len());
        into[..taken].copy_from_slice(&here[..taken]);
        self.consume(taken);
        Ok(taken)
    }
}

impl BufRead for SnappyReader<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.block.len() && !self.rest.is_empty() {
            self.next_block()?;
        }
        Ok(&self.block[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Compression; 5] = [
        Compression::None,
        Compression::Gzip,
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_codec_round_trips(seed in proptest::collection::vec(any::<u8>(), 0..300), times in 1usize..400) {
            let plain = seed.repeat(times);
            for codec in ALL {
                let packed = compress(codec, None, &plain).unwrap();
                prop_assert_eq!(decompress(codec, &packed, plain.len()).unwrap(), &plain[..], "{:?}", codec);
            }
        }

        #[test]
        fn garbage_never_panics(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            for codec in ALL {
                let _ = decompress(codec, &data, 1 << 16);
            }
        }
    }

    #[test]
    fn levels_at_both_ends_of_kafkas_ranges_work() {
        let plain = b"the same words over and over ".repeat(500);
        let levels = [
            (Compression::Gzip, [-1, 9]),
            (Compression::Lz4, [1, 17]),
            (Compression::Zstd, [-131_072, 22]),
        ];
        for (codec, range) in levels {
            for level in range {
                let packed = compress(codec, Some(level), &plain).unwrap();
                assert_eq!(decompress(codec, &packed, plain.len()).unwrap(), &plain[..]);
            }
        }
    }

    #[test]
    fn a_higher_level_packs_tighter() {
        let plain: Vec<u8> = (0..200_000u32)
            .flat_map(|i| (i.wrapping_mul(i) % 7919).to_be_bytes())
            .collect();
        for (codec, low, high) in [
            (Compression::Gzip, 1, 9),
            (Compression::Lz4, 1, 12),
            (Compression::Zstd, 1, 19),
        ] {
            let loose = compress(codec, Some(low), &plain).unwrap().len();
            let tight = compress(codec, Some(high), &plain).unwrap().len();
            assert!(tight < loose, "{codec:?}: {tight} against {loose}");
        }
    }

    #[test]
    fn inflating_stops_at_the_limit() {
        let zeros = vec![0; 10_000_000];
        for codec in [
            Compression::Gzip,
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd,
        ] {
            let packed = compress(codec, None, &zeros).unwrap();
            let result = decompress(codec, &packed, 1000);
            assert!(
                matches!(
                    result,
                    Err(CompressionError::TooLarge { limit_bytes: 1000 })
                ),
                "{codec:?}"
            );
        }
    }

    #[test]
    fn a_raw_snappy_block_is_understood() {
        let packed = snap::raw::Encoder::new()
            .compress_vec(b"hello hello hello")
            .unwrap();
        assert_eq!(
            decompress(Compression::Snappy, &packed, 100).unwrap(),
            &b"hello hello hello"[..]
        );
    }

    #[test]
    fn a_snappy_block_that_claims_four_gigabytes_is_refused_at_once() {
        let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
        assert!(decompress(Compression::Snappy, &bomb, usize::MAX).is_err());
    }
}
