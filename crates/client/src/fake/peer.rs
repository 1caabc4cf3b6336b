//! The broker's end of one stream.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_protocol::api::ApiSpec;
use ottla_protocol::frame::FrameDecoder;
use ottla_protocol::header::RequestHeader;
use ottla_protocol::messages::Encodable;
use ottla_protocol::wire::Reader;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::wire::Request;
use crate::wire::messages::api_versions_response::{self, ApiVersion};
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};

/// A request as it came.
pub(crate) struct Received {
    pub(crate) api_key: i16,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
    rest: Bytes,
}

impl Received {
    pub(crate) fn is<R: Request>(&self) -> bool {
        self.api_key == R::KEY
    }

    /// Header and body in full.
    pub(crate) fn body<R: Request>(&self) -> (RequestHeader, R) {
        assert_eq!(
            self.api_key,
            R::KEY,
            "another request came than the test expects"
        );
        let mut reader = Reader::new(&self.rest);
        let header = RequestHeader::read(&mut reader).unwrap();
        let mut rest = self.rest.slice(reader.position()..);
        let body = R::decode(&mut rest, self.version).unwrap();
        assert!(rest.is_empty(), "bytes are left over behind the request");
        (header, body)
    }

    /// The answer to this request, without its size.
    pub(crate) fn answer<R: Request>(&self, response: &R::Response) -> Bytes {
        response_frame::<R>(self.correlation_id, self.version, response)
    }
}

/// A response without its size in front.
pub(crate) fn response_frame<R: Request>(
    correlation_id: i32,
    version: i16,
    response: &R::Response,
) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i32(correlation_id);
    if ApiSpec::find(R::KEY)
        .unwrap()
        .response_header_version(version)
        == 1
    {
        // No tagged fields.
        frame.put_u8(0);
    }
    response.encode(&mut frame, version).unwrap();
    frame.freeze()
}

/// One stream, seen from the broker.
pub(crate) struct Peer<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub(crate) fn new(stream: S) -> Self {
        Peer {
            stream,
            buffer: BytesMut::new(),
        }
    }

    /// The next request; `None` once the client has closed the stream.
    pub(crate) async fn next(&mut self) -> Option<Received> {
        let decoder = FrameDecoder::new(1 << 30);
        loop {
            if let Some(frame) = decoder.decode(&mut self.buffer).unwrap() {
                let mut head = frame.slice(..8);
                return Some(Received {
                    api_key: head.get_i16(),
                    version: head.get_i16(),
                    correlation_id: head.get_i32(),
                    rest: frame,
                });
            }
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(count) if count > 0 => {}
                _ => return None,
            }
        }
    }

    /// Sends a frame; a client that is gone does not mind.
    pub(crate) async fn send(&mut self, frame: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_u32(u32::try_from(frame.len()).unwrap());
        bytes.put_slice(frame);
        self.send_raw(&bytes).await;
    }

    pub(crate) async fn send_raw(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Agrees to serve `apis` (key, first, last version).
    pub(crate) async fn negotiate(&mut self, apis: &[(i16, i16, i16)]) {
        let request = self.next().await.unwrap();
        assert!(request.is::<ApiVersionsRequest>());
        let answer = request.answer::<ApiVersionsRequest>(&versions_response(apis));
        self.send(&answer).await;
    }
}

/// An ApiVersions response that lists `apis`.
pub(crate) fn versions_response(apis: &[(i16, i16, i16)]) -> ApiVersionsResponse {
    let keys = apis.iter().map(|&(key, min, max)| {
        ApiVersion::default()
            .with_api_key(key)
            .with_min_version(min)
            .with_max_version(max)
    });
    api_versions_response::ApiVersionsResponse::default()
        .with_api_keys(keys.collect())
        .into()
}
