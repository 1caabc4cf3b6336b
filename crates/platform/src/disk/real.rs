//! The real disk: std and, where std has no call, rustix.

use std::fs::{self, File};
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FlockOperation;

use super::mapped::MappedFile;
use super::{DirEntry, DirLock, Disk, DiskFile, Mapping, OpenMode, WholeSync};

/// The operating system's file systems.
#[derive(Debug, Default, Clone, Copy)]
pub struct RealDisk;

/// The disk that a broker has.
#[cfg(not(feature = "faults"))]
pub fn system() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

/// The disk that a broker has, behind the doors for faults.
#[cfg(feature = "faults")]
pub fn system() -> Arc<dyn Disk> {
    let faults = crate::faults::Faults::of_process();
    Arc::new(super::faulty::FaultyDisk { faults })
}

/// Slices per system call that every Unix accepts.
const SLICES_PER_CALL: usize = 1024;

impl Disk for RealDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = File::options();
        options.read(true).write(mode != OpenMode::Read);
        options.create(matches!(mode, OpenMode::Create | OpenMode::Truncate));
        options.truncate(mode == OpenMode::Truncate);
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            entries.push(DirEntry {
                name: entry.file_name().to_string_lossy().into_owned(),
                is_dir: entry.file_type()?.is_dir(),
            });
        }
        entries.sort();
        Ok(entries)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        match fs::remove_dir_all(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn total_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_blocks.saturating_mul(stat.f_frsize))
    }

    fn whole_sync(&self, path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>> {
        whole_sync_of(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Box::new(FileLock { _file: file }))
    }
}

/// Held as long as the descriptor is open.
#[derive(Debug)]
struct FileLock {
    _file: File,
}

impl DirLock for FileLock {}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        loop {
            match self.0.read_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn write_vectored_at(&self, slices: &mut [IoSlice<'_>], mut offset: u64) -> io::Result<()> {
        let mut left = slices;
        while !left.is_empty() {
            let now = left.len().min(SLICES_PER_CALL);
            match rustix::io::pwritev(&self.0, &left[..now], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    IoSlice::advance_slices(&mut left, written);
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        allocate(&self.0, offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn Mapping>> {
        Ok(Arc::new(MappedFile::new(&self.0, len)?))
    }
}

#[cfg(target_os = "linux")]
fn allocate(file: &File, offset: u64, len: u64) -> io::Result<()> {
    use rustix::fs::FallocateFlags;
    use rustix::io::Errno;
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, offset, len) {
        // the file system has no such call: writes allocate as they go
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(not(target_os = "linux"))]
fn allocate(_file: &File, _offset: u64, _len: u64) -> io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn whole_sync_of(_path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>> {
    Ok(None)
}

/// `syncfs` reports lost writes since Linux 5.8, and is known to do so on these file systems.
#[cfg(target_os = "linux")]
fn whole_sync_of(path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>> {
    const EXT: u64 = 0xef53;
    const XFS: u64 = 0x5846_5342;
    const BTRFS: u64 = 0x9123_683e;
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let directory = File::open(path)?;
    let kind = rustix::fs::fstatfs(&directory)?.f_type;
    let trusted = u64::try_from(kind).is_ok_and(|kind| matches!(kind, EXT | XFS | BTRFS));
    if !trusted || kernel_version(&release) < (5, 8) {
        return Ok(None);
    }
    Ok(Some(Arc::new(FileSystem(directory))))
}

/// Major and minor of a release like `6.1.0-13-amd64`; (0, 0) if it looks otherwise.
#[cfg(target_os = "linux")]
fn kernel_version(release: &str) -> (u32, u32) {
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|part| part.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[cfg(target_os = "linux")]
#[derive(Debug)]
struct FileSystem(File);

#[cfg(target_os = "linux")]
impl WholeSync for FileSystem {
    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(&self.0)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn scratch() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[test]
    fn a_mapping_shows_what_is_appended_after_it_was_made() {
        let dir = scratch();
        let file = RealDisk
            .open(&dir.path().join("f"), OpenMode::Create)
            .unwrap();
        file.write_all_at(b"hello", 0).unwrap();
        let mapping = file.map(1 << 20).unwrap();
        let mut slices = [IoSlice::new(b", "), IoSlice::new(b"world")];
        file.write_vectored_at(&mut slices, 5).unwrap();
        let view = mapping.slice(0, 12).unwrap();
        drop((file, mapping));
        fs::remove_file(dir.path().join("f")).unwrap();
        assert_eq!(&view[..], b"hello, world");
    }

    #[test]
    fn a_view_outside_of_the_mapping_is_an_error() {
        let dir = scratch();
        let file = RealDisk
            .open(&dir.path().join("f"), OpenMode::Create)
            .unwrap();
        file.write_all_at(&[1; 100], 0).unwrap();
        let mapping = file.map(100).unwrap();
        assert_eq!(mapping.slice(100, 0).unwrap(), Bytes::new());
        for (offset, len) in [(99, 2), (101, 0), (u64::MAX, 1)] {
            let error = mapping.slice(offset, len).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn more_slices_than_a_call_takes_are_written_in_order() {
        let dir = scratch();
        let file = RealDisk
            .open(&dir.path().join("f"), OpenMode::Create)
            .unwrap();
        let bytes: Vec<u8> = (0..3_000u32).map(|i| (i % 251) as u8).collect();
        let mut slices: Vec<IoSlice<'_>> = bytes.chunks(1).map(IoSlice::new).collect();
        file.write_vectored_at(&mut slices, 7).unwrap();
        let mut read = vec![0; bytes.len()];
        file.read_exact_at(&mut read, 7).unwrap();
        assert_eq!(read, bytes);
    }

    #[test]
    fn allocating_keeps_the_length_and_trimming_gives_the_space_back() {
        let dir = scratch();
        let path = dir.path().join("f");
        let file = RealDisk.open(&path, OpenMode::Create).unwrap();
        file.write_all_at(b"x", 0).unwrap();
        file.allocate(0, 1 << 20).unwrap();
        assert_eq!(file.len().unwrap(), 1);
        file.set_len(1).unwrap();
        let blocks = std::os::unix::fs::MetadataExt::blocks(&fs::metadata(&path).unwrap());
        assert!(blocks <= 64, "{blocks} blocks left");
    }

    #[test]
    fn running_out_is_told_from_failing() {
        let of = |errno: rustix::io::Errno| super::super::is_exhaustion(&errno.into());
        use rustix::io::Errno;
        assert!(of(Errno::NOSPC) && of(Errno::DQUOT) && of(Errno::MFILE) && of(Errno::NFILE));
        assert!(!of(Errno::IO) && !of(Errno::NOENT));
    }

    #[test]
    fn a_second_lock_would_block() {
        let dir = scratch();
        let path = dir.path().join("lock");
        let first = RealDisk.lock(&path).unwrap();
        let error = RealDisk.lock(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(first);
        RealDisk.lock(&path).unwrap();
    }

    #[test]
    fn a_whole_file_system_can_be_synced_where_it_is_trusted() {
        let dir = scratch();
        if let Some(whole) = RealDisk.whole_sync(dir.path()).unwrap() {
            whole.sync().unwrap();
        }
        let free_bytes = RealDisk.free_bytes(dir.path()).unwrap();
        assert!(0 < free_bytes && free_bytes <= RealDisk.total_bytes(dir.path()).unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn kernel_versions_are_read_from_releases() {
        assert_eq!(kernel_version("6.1.0-13-amd64\n"), (6, 1));
        assert_eq!(kernel_version("5.10.16.3-microsoft"), (5, 10));
        assert_eq!(kernel_version(""), (0, 0));
    }
}
