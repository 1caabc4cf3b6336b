//! Replies on their way to the socket: in order, several to a call, from wherever their bytes lie.
//!
//! A reply is a few slices: an encoded head, and for a fetch the slices of the log itself, which are
//! handed to the socket as they are. A reply's memory permit leaves with its last byte.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use super::memory::Permit;
use crate::limits::SLICES_PER_WRITE_MAX;

/// What one connection has yet to send.
#[derive(Default)]
pub(super) struct Outbox {
    /// Never an empty slice, never a reply without slices.
    replies: VecDeque<Unsent>,
    bytes: usize,
}

struct Unsent {
    parts: VecDeque<Bytes>,
    _permit: Permit,
}

impl Outbox {
    /// Queues a reply behind those before it.
    pub(super) fn push(&mut self, mut parts: Vec<Bytes>, permit: Permit) {
        parts.retain(|part| !part.is_empty());
        if parts.is_empty() {
            return;
        }
        self.bytes += parts.iter().map(Bytes::len).sum::<usize>();
        self.replies.push_back(Unsent {
            parts: parts.into(),
            _permit: permit,
        });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.replies.is_empty()
    }

    /// Bytes that the socket has not taken yet.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends until the outbox is empty or the socket is full.
    pub(super) fn poll_send(
        &mut self,
        context: &mut Context<'_>,
        socket: &mut (impl AsyncWrite + Unpin),
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE_MAX];
            let filled = self.fill(&mut slices);
            let sent_bytes =
                ready!(Pin::new(&mut *socket).poll_write_vectored(context, &slices[..filled]))?;
            if sent_bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.advance(sent_bytes);
        }
        Poll::Ready(Ok(()))
    }

    fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let parts = self.replies.iter().flat_map(|reply| &reply.parts);
        let mut filled = 0;
        for (slice, part) in slices.iter_mut().zip(parts) {
            *slice = IoSlice::new(part);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, sent_bytes: usize) {
        self.bytes -= sent_bytes;
        let mut left_bytes = sent_bytes;
        while let Some(reply) = self.replies.front_mut() {
            while let Some(part) = reply.parts.front_mut() {
                if left_bytes < part.len() {
                    part.advance(left_bytes);
                    return;
                }
                left_bytes -= part.len();
                reply.parts.pop_front();
            }
            self.replies.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A socket that takes at most so many bytes a call, and counts the calls.
    struct Narrow {
        taken: Vec<u8>,
        per_write: usize,
        writes: usize,
    }

    impl AsyncWrite for Narrow {
        fn poll_write(
            self: Pin<&mut Self>,
            context: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.poll_write_vectored(context, &[IoSlice::new(bytes)])
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let offered: Vec<u8> = slices
                .iter()
                .flat_map(|slice| slice.iter().copied())
                .collect();
            let taken = offered.len().min(self.per_write);
            self.taken.extend(&offered[..taken]);
            self.writes += 1;
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    fn send(replies: &[&[&'static [u8]]], per_write: usize) -> Narrow {
        let mut outbox = Outbox::default();
        for parts in replies {
            let parts = parts.iter().map(|part| Bytes::from_static(part)).collect();
            outbox.push(parts, Permit::none());
        }
        let mut socket = Narrow {
            taken: Vec::new(),
            per_write,
            writes: 0,
        };
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(matches!(
            outbox.poll_send(&mut context, &mut socket),
            Poll::Ready(Ok(()))
        ));
        assert!(outbox.is_empty());
        assert_eq!(outbox.bytes(), 0);
        socket
    }

    #[test]
    fn replies_leave_in_order_however_little_the_socket_takes() {
        let replies: &[&[&'static [u8]]] = &[&[b"head", b"", b"slice"], &[b"x"], &[b"", b"yz"]];
        for per_write in [1, 2, 4, 5, 9, 100] {
            assert_eq!(
                send(replies, per_write).taken,
                b"headslicexyz",
                "{per_write}"
            );
        }
    }

    #[test]
    fn replies_that_are_ready_share_a_write() {
        assert_eq!(send(&[&[b"a"], &[b"b", b"c"], &[b"d"]], 100).writes, 1);
    }

    #[test]
    fn more_slices_than_a_call_takes_go_in_several() {
        let many = vec![&b"s"[..]; SLICES_PER_WRITE_MAX + 1];
        let socket = send(&[&many], usize::MAX);
        assert_eq!(
            (socket.taken.len(), socket.writes),
            (SLICES_PER_WRITE_MAX + 1, 2)
        );
    }

    #[test]
    fn an_empty_reply_sends_nothing() {
        assert_eq!(send(&[&[], &[b""]], 1).writes, 0);
    }
}
