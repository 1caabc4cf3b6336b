//! Connections of the second port: few, short, and never in the way of clients.
//!
//! One task accepts, each connection has a task. A connection takes a place among
//! [`CONNECTIONS_MAX`]; when all are taken the next one waits in the system's queue. Whoever is slow
//! loses it: headers have [`HEADERS_MAX`], and a whole connection, with all its requests,
//! [`CONNECTION_MAX`].

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use ottla_platform::net::Listener;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time;

use super::pages::Pages;

/// Connections at once.
const CONNECTIONS_MAX: usize = 64;
/// From the start of a connection, or the end of an answer, to the end of the next request's headers.
const HEADERS_MAX: Duration = Duration::from_secs(30);
/// A connection that lives longer may end the answer it is in; scrapers just connect again.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// For ending that answer.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(5);
/// Headers of a request, with its first line.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// How long to rest when the system refuses a connection, as when no descriptors are left.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Serves the pages until `stop` resolves; answers under way are still sent.
pub async fn serve(listener: Listener, pages: Pages, stop: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (stopping, stops) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => continue,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(stream, pages.clone(), stops.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection for metrics could not be accepted");
                time::sleep(ACCEPT_REST).await;
            }
        }
    }
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}

async fn connection<S>(stream: S, pages: Pages, mut stops: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request: Request<Incoming>| {
        let answer = pages.answer(request.method(), request.uri().path());
        std::future::ready(Ok::<Response<Full<Bytes>>, Infallible>(answer))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_MAX)
        .max_buf_size(REQUEST_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    // What ends a connection early is its peer's doing or a timeout: nothing for the log.
    tokio::select! {
        _ = &mut connection => return,
        () = time::sleep(CONNECTION_MAX) => {}
        _ = stops.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = time::timeout(LAST_ANSWER_MAX, connection).await;
}

#[cfg(test)]
mod tests;
