//! What a disk is to this project, and what each call promises about a power cut.
//!
//! | call | after it returns, a power cut … |
//! |---|---|
//! | `write_*` | may undo it, sector by sector, in any subset |
//! | `sync_data` | keeps what was written to this file before it, and its length |
//! | create, `rename`, `remove_*` | may undo it; per directory they survive in order |
//! | `sync_dir` | keeps the names in this directory |
//! | `WholeSync::sync` | keeps everything written on that file system before it |
//!
//! An error of a sync call means that data may be lost for good: the system marks the pages
//! clean, so a second sync that succeeds proves nothing. Callers stop using the directory.

use std::fmt::Debug;
use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

/// Read at once where not all can be read: disks and caches give or lose that much together.
const BLOCK: usize = 4096;

/// Whether a call failed for lack of something that may be there again later: space, quota, or
/// descriptors. Nothing is wrong with the disk then.
pub fn is_exhaustion(error: &io::Error) -> bool {
    let descriptors = [Errno::MFILE, Errno::NFILE].map(Errno::raw_os_error);
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    ) || error
        .raw_os_error()
        .is_some_and(|code| descriptors.contains(&code))
}

/// Whether a call failed because the medium does not give what it holds. Other bytes may be well, and those
/// that are not may be had from elsewhere.
pub fn is_unreadable(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::IO.raw_os_error())
}

/// Reads what the medium gives of these bytes, with zeros in the place of the rest; how many that are.
///
/// # Errors
/// The call fails for another reason, or the file ends before.
pub fn read_given(file: &dyn DiskFile, bytes: &mut [u8], position: u64) -> io::Result<u64> {
    match file.read_exact_at(bytes, position) {
        Err(error) if is_unreadable(&error) => {}
        read => return read.map(|()| 0),
    }
    let mut lost_bytes = 0;
    for (block, at) in bytes.chunks_mut(BLOCK).zip((position..).step_by(BLOCK)) {
        match file.read_exact_at(block, at) {
            Err(error) if is_unreadable(&error) => {
                block.fill(0);
                lost_bytes += block.len() as u64;
            }
            read => read?,
        }
    }
    Ok(lost_bytes)
}

/// How [`Disk::open`] treats a file that exists or does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// For reading; must exist.
    Read,
    /// For reading and writing; must exist.
    Write,
    /// For reading and writing; made if absent.
    Create,
    /// For reading and writing; made, or emptied.
    Truncate,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DirEntry {
    /// The last part of the path.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// Holds a directory for this process; released when dropped.
pub trait DirLock: Send + Sync + Debug {}

/// A file system. All calls block.
pub trait Disk: Send + Sync + Debug {
    /// Opens a file. The handle works until it is dropped, also after a rename or removal.
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes a directory and those above it; not an error if it exists.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, sorted.
    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>>;

    /// Renames within one file system; replaces a file at `to`.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file. Open handles and mappings of it stay readable.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with all it holds; not an error if it is absent.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a directory survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Whether a file or directory of this name exists.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Bytes that an unprivileged process may still allocate on the file system of `path`.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;

    /// Bytes that the file system of `path` has in all, free or not.
    fn total_bytes(&self, path: &Path) -> io::Result<u64>;

    /// A handle that syncs the whole file system of `path`, or `None` where that call cannot be
    /// trusted to report lost writes. Take it before the first write and keep it: only then does
    /// it report every failure since.
    fn whole_sync(&self, path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>>;

    /// Takes the lock file at `path` for this process.
    ///
    /// # Errors
    /// `WouldBlock` if another process (or handle) holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>>;
}

/// Syncs a whole file system at once: cheaper than many files one by one.
pub trait WholeSync: Send + Sync + Debug {
    /// Makes every write so far survive a power cut.
    fn sync(&self) -> io::Result<()>;
}

/// An open file. All calls block; offsets are from the file's start.
pub trait DiskFile: Send + Sync + Debug {
    /// Reads up to `buffer.len()` bytes; 0 at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Fills `buffer`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file ends before.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let mut done = 0;
        while done < buffer.len() {
            match self.read_at(&mut buffer[done..], offset + done as u64)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => done += read,
            }
        }
        Ok(())
    }

    /// Writes all of `bytes`.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Writes all of `slices`, one after the other, in as few system calls as can be. The slices
    /// themselves are used up as scratch space.
    fn write_vectored_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()>;

    /// Reserves space for `len` bytes from `offset` without changing the file's length. Where the
    /// file system cannot, this does nothing.
    ///
    /// # Errors
    /// `StorageFull` if there is not that much.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Cuts or extends (with zeros) the file and gives back space reserved beyond `len`. A mapping
    /// must not be read beyond it afterwards.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and length survive a power cut (not its name: see `sync_dir`).
    fn sync_data(&self) -> io::Result<()>;

    /// The file's length.
    fn len(&self) -> io::Result<u64>;

    /// Whether the file has no bytes.
    fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|len| len == 0)
    }

    /// Maps the first `len` bytes for reading; `len` may lie beyond the file's end, and bytes
    /// appended later show up. Survives the closing and removal of the file.
    fn map(&self, len: u64) -> io::Result<Arc<dyn Mapping>>;
}

/// A mapped file. The caller keeps two promises: it only asks for bytes that were written, and
/// it never writes those bytes again nor cuts them off while the mapping or a slice lives.
pub trait Mapping: Send + Sync + Debug {
    /// A view of `len` bytes from `offset`; no copy on a real disk (a simulated one copies).
    ///
    /// # Errors
    /// `UnexpectedEof` if that lies outside the mapping.
    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes>;

    /// Whether views are free of copying, so that a caller may ask for more than it reads.
    fn is_zero_copy(&self) -> bool;

    /// Brings these bytes to memory, and waits for them. What is not there comes in one request rather than
    /// in as many, and with as much around, as the system thinks best.
    ///
    /// # Errors
    /// [`is_unreadable`]: to look at them then would end the process. Where [`Mapping::slice`] copies, it
    /// fails, and this does nothing.
    fn fetch(&self, _offset: u64, _len: usize) -> io::Result<()> {
        Ok(())
    }
}
