//! A batch with its records packed by another codec (`compression.type` of a topic).

use std::io::{self, Read};

use super::Batch;
use super::compression::{Compression, CompressionError, Encoder};
use super::record::codec_of;

/// The same records under `wanted`, with length and CRC set anew. Streams from one codec to the
/// other, so that only the packed result is in memory.
///
/// # Errors
/// The data is broken or inflates beyond `limit_bytes`.
pub(super) fn recompress(
    batch: &Batch,
    wanted: Compression,
    level: Option<i32>,
    limit_bytes: usize,
) -> Result<Batch, CompressionError> {
    let codec = codec_of(batch.header.attributes)?;
    let broken = |source: io::Error| codec.broken(source);
    let reader = codec.reader(&batch.payload).map_err(broken)?;
    let mut plain = reader.take((limit_bytes as u64).saturating_add(1));
    let mut encoder = Encoder::new(wanted, level).map_err(|source| wanted.broken(source))?;
    io::copy(&mut plain, &mut encoder).map_err(broken)?;
    if plain.limit() == 0 {
        return Err(CompressionError::TooLarge { limit_bytes });
    }
    let payload = encoder.finish().map_err(|source| wanted.broken(source))?;
    let mut header = batch.header;
    header.attributes = header.attributes.with_compression(wanted);
    Ok(Batch {
        header,
        payload: payload.into(),
    }
    .sealed())
}
