//! A connection: requests with a type go in, responses come out.
//!
//! Requests may be pipelined: any number of callers may wait at once, and a broker handles the requests of one
//! connection in the order they were begun. A request that times out ends the connection, because whatever was
//! sent behind it would wait as well.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::dial::dial;
use super::link::Link;
use super::versions::{self, Negotiated, Versions};
use super::waiting::Answer;
use crate::address::Address;
use crate::error::ConnectionError;
use crate::wire::messages::ApiVersionsRequest;
use crate::wire::{self, Request, api_name};

/// What a connection needs to know beside its stream.
#[derive(Clone, Debug)]
pub struct ConnectionOptions {
    /// The name given in each request.
    pub client_id: String,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long a response may take.
    pub request_timeout: Duration,
    /// The largest response taken.
    pub response_bytes_max: usize,
}

/// A handle to one connection; clones share it. It closes when the last handle and the last [`Pending`] are gone.
#[derive(Clone)]
pub struct Connection {
    link: Arc<Link>,
    versions: Arc<Versions>,
    options: Arc<ConnectionOptions>,
}

impl Connection {
    /// Opens a socket to `address` and agrees on versions.
    pub async fn connect(
        address: &Address,
        options: ConnectionOptions,
    ) -> Result<Self, ConnectionError> {
        let (read, write) = dial(address, options.connect_timeout).await?.into_split();
        Connection::over(read, write, options).await
    }

    /// Agrees on versions over the two halves of a stream that is already open.
    pub async fn over<R, W>(
        read: R,
        write: W,
        options: ConnectionOptions,
    ) -> Result<Self, ConnectionError>
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let mut connection = Connection {
            link: Arc::new(Link::start(read, write, options.response_bytes_max)),
            versions: Arc::default(),
            options: Arc::new(options),
        };
        connection.versions = Arc::new(connection.negotiate().await?);
        Ok(connection)
    }

    async fn negotiate(&self) -> Result<Versions, ConnectionError> {
        let request = ApiVersionsRequest {
            client_software_name: wire::text(env!("CARGO_PKG_NAME")),
            client_software_version: wire::text(env!("CARGO_PKG_VERSION")),
            ..ApiVersionsRequest::default()
        };
        let mut asked = versions::first_version();
        loop {
            let frame = self.send(&request, asked).await?.frame().await?;
            // ApiVersions answers always have the short header: the correlation id alone.
            let body = frame.get(4..).unwrap_or_default();
            let answered = versions::version_of_response(asked, body);
            let response = wire::decode_response::<ApiVersionsRequest>(frame, answered)?;
            match versions::judge(asked, &response)? {
                Negotiated::Agreed(versions) => return Ok(versions),
                Negotiated::AskAgainIn(version) => asked = version,
            }
        }
    }

    /// What the broker serves.
    pub fn versions(&self) -> &Versions {
        &self.versions
    }

    /// Sends a request in the highest version both sides have, and waits for the response.
    pub async fn call<R: Request>(&self, request: &R) -> Result<R::Response, ConnectionError> {
        let version = self.versions.pick::<R>()?;
        self.call_in(request, version).await
    }

    /// As [`call`](Self::call), with a request made for the version: some fields exist in some versions only.
    pub async fn call_with<R: Request>(
        &self,
        build: impl Fn(i16) -> R,
    ) -> Result<R::Response, ConnectionError> {
        let version = self.versions.pick::<R>()?;
        self.call_in(&build(version), version).await
    }

    /// Sends a request in a version of the caller's choice, agreed or not, and waits for the response.
    pub async fn call_in<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, ConnectionError> {
        self.send(request, version).await?.response().await
    }

    /// Queues a request, waiting for room in the queue. Requests of one caller keep their order.
    pub async fn send<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<Pending<R>, ConnectionError> {
        let correlation_id = self.link.next_correlation_id();
        let frame =
            wire::encode_request(request, version, correlation_id, &self.options.client_id)?;
        let answer = self.link.send(frame, correlation_id).await?;
        Ok(self.pending(answer, version))
    }

    /// Queues a request at once or fails with [`ConnectionError::Busy`].
    pub fn try_send<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<Pending<R>, ConnectionError> {
        self.try_send_frame(version, |correlation_id, client_id| {
            wire::encode_request(request, version, correlation_id, client_id)
        })
    }

    /// Queues a request that the caller encodes, given a correlation id and the client id: the whole frame with its
    /// size, in parts.
    pub(crate) fn try_send_frame<R: Request>(
        &self,
        version: i16,
        encode: impl FnOnce(i32, &str) -> Result<Vec<Bytes>, ConnectionError>,
    ) -> Result<Pending<R>, ConnectionError> {
        let correlation_id = self.link.next_correlation_id();
        let frame = encode(correlation_id, &self.options.client_id)?;
        let answer = self.link.try_send(frame, correlation_id)?;
        Ok(self.pending(answer, version))
    }

    /// As [`try_send_frame`](Self::try_send_frame), for a request that gets no response (acks=0): what is pending is
    /// only that it has been written.
    pub(crate) fn try_send_unanswered_frame<R: Request>(
        &self,
        version: i16,
        encode: impl FnOnce(i32, &str) -> Result<Vec<Bytes>, ConnectionError>,
    ) -> Result<Pending<R>, ConnectionError> {
        let frame = encode(self.link.next_correlation_id(), &self.options.client_id)?;
        let answer = self.link.try_send_unanswered(frame)?;
        Ok(self.pending(answer, version))
    }

    fn pending<R: Request>(&self, answer: oneshot::Receiver<Answer>, version: i16) -> Pending<R> {
        Pending {
            answer,
            link: self.link.clone(),
            version,
            begun: Instant::now(),
            timeout: self.options.request_timeout,
            request: PhantomData,
        }
    }

    /// Whether the connection has failed or been closed.
    pub fn is_closed(&self) -> bool {
        self.link.failure().is_some()
    }

    /// Closes the connection now; requests without a response fail.
    pub fn close(&self) {
        self.link.fail(ConnectionError::Closed);
    }
}

/// A request that has been queued and has no response yet. Dropping it leaves the request on its way.
pub struct Pending<R> {
    answer: oneshot::Receiver<Answer>,
    link: Arc<Link>,
    version: i16,
    begun: Instant,
    timeout: Duration,
    request: PhantomData<fn() -> R>,
}

impl<R: Request> Pending<R> {
    /// Allows `more` time for the response: what the request itself asks the broker to wait.
    pub fn allow(mut self, more: Duration) -> Self {
        self.timeout = self.timeout.saturating_add(more);
        self
    }

    /// Waits for the response and decodes it.
    pub async fn response(self) -> Result<R::Response, ConnectionError> {
        let version = self.version;
        wire::decode_response::<R>(self.frame().await?, version)
    }

    /// Waits for the response as it came.
    pub(crate) async fn frame(self) -> Result<Bytes, ConnectionError> {
        match tokio::time::timeout_at(self.begun + self.timeout, self.answer).await {
            Ok(Ok(answer)) => answer,
            // The writer is gone, and this request with it.
            Ok(Err(_)) => Err(self.link.why_closed()),
            Err(_) => {
                let reason = ConnectionError::TimedOut {
                    api: api_name(R::KEY),
                    after: self.timeout,
                };
                self.link.fail(reason.clone());
                Err(reason)
            }
        }
    }
}
