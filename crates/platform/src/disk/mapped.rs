//! Mapped files: views of a file's bytes without copying. The only `unsafe` of the project.
//!
//! Invariants, kept by the callers as [`Mapping`] tells them: a byte is viewed only after it was
//! written, is never written again, and is not cut off while a view lives. A read error of the
//! disk under a mapping ends the process (SIGBUS): data that may not be in memory is fetched before
//! it is looked at, from Linux 5.14 on.

use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::io::Errno;

use super::Mapping;

/// A whole mapping, shared by its views.
#[derive(Debug)]
pub(super) struct MappedFile {
    raw: Arc<MmapRaw>,
}

impl MappedFile {
    /// Maps the first `len` bytes, which must not be 0.
    pub(super) fn new(file: &File, len: u64) -> io::Result<MappedFile> {
        let len = usize::try_from(len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let raw = MmapOptions::new().len(len).map_raw_read_only(file)?;
        Ok(MappedFile { raw: Arc::new(raw) })
    }

    /// Whether all of these bytes are, which must lie inside the mapping. To ask for what is there costs several
    /// times more.
    fn is_in_memory(&self, offset: usize, len: usize) -> bool {
        let page = rustix::param::page_size();
        let start = offset - offset % page;
        let len = offset + len - start;
        let mut pages = vec![0; len.div_ceil(page)];
        // SAFETY: `start` is a page's, and `start + len` lies inside the mapping, which `self.raw` keeps alive; the
        // call writes one byte for each page, of which `pages` has as many, and touches nothing else.
        let told = unsafe {
            let at = self.raw.as_mut_ptr().add(start).cast();
            libc::mincore(at, len, pages.as_mut_ptr())
        };
        told == 0 && pages.iter().all(|page| page & 1 == 1)
    }
}

impl Mapping for MappedFile {
    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let outside = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let start = usize::try_from(offset).map_err(|_| outside())?;
        let end = start.checked_add(len).ok_or_else(outside)?;
        if end > self.raw.len() {
            return Err(outside());
        }
        if len == 0 {
            return Ok(Bytes::new());
        }
        Ok(Bytes::from_owner(View {
            raw: Arc::clone(&self.raw),
            start,
            len,
        }))
    }

    fn is_zero_copy(&self) -> bool {
        true
    }

    fn fetch(&self, offset: u64, len: usize) -> io::Result<()> {
        let Ok(offset) = usize::try_from(offset) else {
            return Ok(());
        };
        let len = len.min(self.raw.len().saturating_sub(offset));
        if len == 0 || self.is_in_memory(offset, len) {
            return Ok(());
        }
        // A system that does not want the hint does as it thinks best.
        let _ = self.raw.advise_range(Advice::WillNeed, offset, len);
        let populated = self.raw.advise_range(Advice::PopulateRead, offset, len);
        let is_lost = |error: &io::Error| {
            let lost = [Errno::FAULT, Errno::HWPOISON, Errno::IO].map(Errno::raw_os_error);
            error
                .raw_os_error()
                .is_some_and(|code| lost.contains(&code))
        };
        match populated {
            Err(error) if is_lost(&error) => Err(Errno::IO.into()),
            // An older system knows no such call; a page may have to be waited for later.
            Err(_) | Ok(()) => Ok(()),
        }
    }
}

/// Part of a mapping that was written when the view was made.
struct View {
    raw: Arc<MmapRaw>,
    start: usize,
    len: usize,
}

impl AsRef<[u8]> for View {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `start + len` was checked to lie inside the mapping, which `raw` keeps alive as
        // long as the view. The reference covers only bytes that the caller of `slice` promised
        // to have been written before and never to be written or cut off while it lives (see
        // `Mapping`); the directory lock keeps other processes of ours away.
        unsafe { std::slice::from_raw_parts(self.raw.as_ptr().add(self.start), self.len) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::is_unreadable;

    #[test]
    fn what_is_fetched_may_lie_anywhere_and_views_only_inside() {
        let file = tempfile::tempfile().unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[7; 10_000], 0).unwrap();
        let mapped = MappedFile::new(&file, 1 << 16).unwrap();
        for (offset, len) in [(0, 10_000), (4_097, 1), (1 << 16, 1), (u64::MAX, 1)] {
            mapped.fetch(offset, len).unwrap();
        }
        // as where the disk cannot read: to look there would be SIGBUS
        let error = mapped.fetch(9_999, 1 << 20).unwrap_err();
        assert!(is_unreadable(&error), "{error}");
        assert_eq!(mapped.slice(9_990, 10).unwrap(), [7; 10][..]);
        assert_eq!(
            mapped.slice(1 << 16, 1).unwrap_err().kind(),
            io::ErrorKind::UnexpectedEof
        );
    }
}
