//! What a handler gives back, and what becomes of it on the connection.
//!
//! A handler's body has run when it returns: what must happen in arrival order has happened. What is
//! left, waiting for a commit or for data, is the future in [`Reply::Later`]. It is polled only when
//! it is the oldest of its connection, so it must not be what drives the work it waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ottla_protocol::response::{Response, ResponseFrame};

/// A handler's result.
pub enum Reply {
    /// The answer is there.
    Now(Answer),
    /// The answer comes with this future. Dropped unfinished if the connection goes first.
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// What the connection does for a request.
#[derive(Debug)]
pub enum Answer {
    /// Send this.
    Response(Response),
    /// Send this, which is written already.
    Frame(ResponseFrame),
    /// Send nothing: a produce with acks=0 that went well.
    Silence,
    /// Send nothing and close: how a produce with acks=0 learns that it failed.
    Hangup,
}

impl Reply {
    /// An answer that is there.
    pub fn now(response: impl Into<Response>) -> Reply {
        Reply::Now(Answer::Response(response.into()))
    }

    /// A response that comes later.
    pub fn later<R: Into<Response>>(future: impl Future<Output = R> + Send + 'static) -> Reply {
        Reply::Later(Box::pin(
            async move { Answer::Response(future.await.into()) },
        ))
    }

    /// The answer, once it is there. Not to be asked again after that.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Answer> {
        match self {
            Reply::Now(answer) => Poll::Ready(std::mem::replace(answer, Answer::Silence)),
            Reply::Later(future) => future.as_mut().poll(context),
        }
    }
}
