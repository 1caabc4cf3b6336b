//! The headers in front of every body.
//!
//! Request:
//!
//! | field | type | header versions |
//! |---|---|---|
//! | api key | int16 | 1+ |
//! | api version | int16 | 1+ |
//! | correlation id | int32 | 1+ |
//! | client id | string (16-bit length even in version 2), may be null | 1+ |
//! | tagged fields | | 2+ |
//!
//! Response: the correlation id, and in version 1 tagged fields. Which version stands in front follows from API and
//! version of the body ([`ApiSpec::request_header_version`], [`ApiSpec::response_header_version`]).
//!
//! Reading a header never panics and allocates nothing but the client id, which is cut at a limit.

use bytes::{BufMut, BytesMut};

use crate::api::ApiSpec;
use crate::limits::{CLIENT_ID_BYTES_MAX, HEADER_TAGGED_FIELDS_MAX};
use crate::wire::{Reader, WireError, put_unsigned_varint};

/// Who asks for what: the header of a request whose API is served, in any version.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RequestHeader {
    /// The API.
    pub api: &'static ApiSpec,
    /// Its version, as asked for.
    pub version: i16,
    /// What the client wants to see on the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Reads the header at the front of a frame and leaves the reader at the body.
    pub fn read(reader: &mut Reader<'_>) -> Result<RequestHeader, HeaderError> {
        let key = reader.int16()?;
        let version = reader.int16()?;
        let correlation_id = reader.int32()?;
        let api = ApiSpec::find(key).ok_or(HeaderError::UnknownApi {
            key,
            version,
            correlation_id,
        })?;
        let client_id = read_client_id(reader)?;
        if api.request_header_version(version) >= 2 {
            skip_tagged_fields(reader)?;
        }
        Ok(RequestHeader {
            api,
            version,
            correlation_id,
            client_id,
        })
    }

    /// Appends this header to a frame under construction.
    pub(crate) fn write(&self, frame: &mut BytesMut) -> Result<(), HeaderError> {
        frame.put_i16(self.api.key.code());
        frame.put_i16(self.version);
        frame.put_i32(self.correlation_id);
        match &self.client_id {
            Some(client_id) => {
                let size_bytes =
                    i16::try_from(client_id.len()).map_err(|_| HeaderError::ClientIdTooLong)?;
                frame.put_i16(size_bytes);
                frame.put_slice(client_id.as_bytes());
            }
            None => frame.put_i16(-1),
        }
        if self.api.request_header_version(self.version) >= 2 {
            put_unsigned_varint(frame, 0);
        }
        Ok(())
    }

    /// Appends the header of the response to this request.
    pub(crate) fn write_response(&self, frame: &mut BytesMut) {
        write_response_header(
            frame,
            self.correlation_id,
            self.api.response_header_version(self.version),
        );
    }
}

/// Appends a response header without tagged fields.
pub(crate) fn write_response_header(
    frame: &mut BytesMut,
    correlation_id: i32,
    header_version: i16,
) {
    frame.put_i32(correlation_id);
    if header_version >= 1 {
        put_unsigned_varint(frame, 0);
    }
}

/// Reads the header at the front of a response, gives its correlation id, and leaves the reader at the body.
pub(crate) fn read_response_header(
    reader: &mut Reader<'_>,
    header_version: i16,
) -> Result<i32, HeaderError> {
    let correlation_id = reader.int32()?;
    if header_version >= 1 {
        skip_tagged_fields(reader)?;
    }
    Ok(correlation_id)
}

/// Any negative length is null to Kafka here, and bytes that are not UTF-8 are replaced, not refused.
fn read_client_id(reader: &mut Reader<'_>) -> Result<Option<String>, HeaderError> {
    let Ok(size_bytes) = usize::try_from(reader.int16()?) else {
        return Ok(None);
    };
    let bytes = reader.take(size_bytes)?;
    let kept = &bytes[..bytes.len().min(CLIENT_ID_BYTES_MAX)];
    Ok(Some(String::from_utf8_lossy(kept).into_owned()))
}

fn skip_tagged_fields(reader: &mut Reader<'_>) -> Result<(), HeaderError> {
    let count = reader.unsigned_varint()?;
    if count > HEADER_TAGGED_FIELDS_MAX {
        return Err(HeaderError::TooManyTaggedFields { count });
    }
    for _ in 0..count {
        let _tag = reader.unsigned_varint()?;
        let size_bytes = reader.unsigned_varint()?;
        reader.take(size_bytes as usize)?;
    }
    Ok(())
}

/// Why a header cannot be read or written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HeaderError {
    /// The frame ends within the header, or a varint in it is too long.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The API is not served, so that not even the version of the header is known.
    #[error("API key {key} is not served (version {version})")]
    UnknownApi {
        /// The key asked for.
        key: i16,
        /// Its version.
        version: i16,
        /// The correlation id.
        correlation_id: i32,
    },
    /// More tagged fields than any header has.
    #[error("a header with {count} tagged fields")]
    TooManyTaggedFields {
        /// The count as it stood there.
        count: u32,
    },
    /// A client id that its 16-bit length cannot hold.
    #[error("the client id is longer than 32,767 bytes")]
    ClientIdTooLong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiKey;

    fn header(api: ApiKey, version: i16, client_id: Option<&str>) -> RequestHeader {
        RequestHeader {
            api: api.spec(),
            version,
            correlation_id: 7,
            client_id: client_id.map(str::to_owned),
        }
    }

    fn written(header: &RequestHeader) -> BytesMut {
        let mut frame = BytesMut::new();
        header.write(&mut frame).expect("the client id is short");
        frame
    }

    #[test]
    fn headers_read_back_in_both_versions() {
        for version in [ApiKey::Metadata.spec().min, ApiKey::Metadata.spec().max] {
            for client_id in [None, Some(""), Some("client")] {
                let header = header(ApiKey::Metadata, version, client_id);
                let frame = written(&header);
                let mut reader = Reader::new(&frame);
                assert_eq!(RequestHeader::read(&mut reader), Ok(header));
                assert_eq!(reader.remaining(), 0);
            }
        }
    }

    #[test]
    fn every_cut_of_a_header_is_truncated_and_never_a_panic() {
        let frame = written(&header(ApiKey::Metadata, 13, Some("client")));
        for end in 0..frame.len() {
            let read = RequestHeader::read(&mut Reader::new(&frame[..end]));
            assert!(
                matches!(read, Err(HeaderError::Wire(WireError::Truncated { .. }))),
                "{end}: {read:?}"
            );
        }
    }

    #[test]
    fn an_api_that_is_not_served_is_named() {
        let read = RequestHeader::read(&mut Reader::new(b"\0\x63\0\x01\0\0\0\x07"));
        assert_eq!(
            read,
            Err(HeaderError::UnknownApi {
                key: 99,
                version: 1,
                correlation_id: 7
            })
        );
    }

    #[test]
    fn tagged_fields_from_the_future_are_passed_over() {
        let read = RequestHeader::read(&mut Reader::new(
            b"\0\x03\0\x0d\0\0\0\x07\xff\xff\x02\x05\x01a\x06\0",
        ));
        assert_eq!(read, Ok(header(ApiKey::Metadata, 13, None)));
    }

    #[test]
    fn a_huge_count_of_tagged_fields_is_refused() {
        let read = RequestHeader::read(&mut Reader::new(
            b"\0\x03\0\x0d\0\0\0\x07\xff\xff\xff\xff\xff\xff\x0f",
        ));
        assert_eq!(
            read,
            Err(HeaderError::TooManyTaggedFields { count: u32::MAX })
        );
    }

    #[test]
    fn a_client_id_is_never_a_reason_to_refuse() {
        let negative = RequestHeader::read(&mut Reader::new(b"\0\x03\0\x01\0\0\0\x07\x80\0"));
        assert_eq!(negative, Ok(header(ApiKey::Metadata, 1, None)));
        let not_utf8 = RequestHeader::read(&mut Reader::new(b"\0\x03\0\x01\0\0\0\x07\0\x02a\xff"));
        assert_eq!(not_utf8, Ok(header(ApiKey::Metadata, 1, Some("a\u{fffd}"))));
        let long = "x".repeat(CLIENT_ID_BYTES_MAX + 1);
        let frame = written(&header(ApiKey::Metadata, 1, Some(&long)));
        let read =
            RequestHeader::read(&mut Reader::new(&frame)).expect("a long client id is legal");
        assert_eq!(
            read.client_id.map(|kept| kept.len()),
            Some(CLIENT_ID_BYTES_MAX)
        );
    }
}
