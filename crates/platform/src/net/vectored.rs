//! Writing many slices with few system calls, whatever the socket takes at a time.

use std::io::{self, IoSlice};

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// Slices handed to one vectored write.
const WRITE_SLICES_MAX: usize = 64;

/// Writes all of `parts`, in order.
///
/// # Errors
/// The socket fails, or takes nothing any more.
pub async fn write_all<W>(write: &mut W, parts: &[Bytes]) -> io::Result<()>
where
    W: AsyncWrite + Unpin,
{
    let mut cursor = Cursor::default();
    cursor.skip_empty(parts);
    while cursor.part < parts.len() {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let used = cursor.fill(parts, &mut slices);
        let written = write.write_vectored(&slices[..used]).await?;
        if written == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        cursor.advance(parts, written);
    }
    Ok(())
}

/// The first byte not yet written. Never stands in an empty part.
#[derive(Default)]
struct Cursor {
    part: usize,
    offset: usize,
}

impl Cursor {
    fn fill<'a>(&self, parts: &'a [Bytes], slices: &mut [IoSlice<'a>]) -> usize {
        let mut used = 0;
        let mut offset = self.offset;
        for (slice, part) in slices.iter_mut().zip(&parts[self.part..]) {
            *slice = IoSlice::new(&part[offset..]);
            offset = 0;
            used += 1;
        }
        used
    }

    fn advance(&mut self, parts: &[Bytes], mut written: usize) {
        while written > 0 {
            let left = parts[self.part].len() - self.offset;
            if written < left {
                self.offset += written;
                return;
            }
            written -= left;
            self.part += 1;
            self.offset = 0;
        }
        self.skip_empty(parts);
    }

    fn skip_empty(&mut self, parts: &[Bytes]) {
        while self.offset == 0 && parts.get(self.part).is_some_and(Bytes::is_empty) {
            self.part += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use super::*;

    /// Takes a few bytes at a time and keeps them.
    struct Slow {
        at_once: usize,
        taken: Vec<u8>,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let count = bytes.len().min(self.at_once);
            self.taken.extend_from_slice(&bytes[..count]);
            Poll::Ready(Ok(count))
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let count = all.len().min(self.at_once);
            self.taken.extend_from_slice(&all[..count]);
            Poll::Ready(Ok(count))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    async fn check(parts: &[&'static [u8]], at_once: usize) {
        let mut slow = Slow {
            at_once,
            taken: Vec::new(),
        };
        let parts: Vec<Bytes> = parts.iter().map(|part| Bytes::from_static(part)).collect();
        write_all(&mut slow, &parts).await.unwrap();
        assert_eq!(slow.taken, parts.concat());
    }

    #[tokio::test]
    async fn parts_arrive_whole_and_in_order_however_little_is_taken_at_once() {
        for at_once in 1..12 {
            check(&[b"abc", b"", b"defg", b"h", b""], at_once).await;
            check(&[b"", b"", b"a"], at_once).await;
            check(&[b""], at_once).await;
            check(&[], at_once).await;
        }
    }

    #[tokio::test]
    async fn more_parts_than_one_write_takes_arrive_too() {
        check(&[&b"xy"[..]; 3 * WRITE_SLICES_MAX + 1], 1000).await;
    }

    #[tokio::test]
    async fn a_socket_that_takes_nothing_is_an_error() {
        let mut slow = Slow {
            at_once: 0,
            taken: Vec::new(),
        };
        let error = write_all(&mut slow, &[Bytes::from_static(b"a")])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
