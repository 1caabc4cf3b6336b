//! The real disk behind the doors for faults ([`crate::faults`]): what writes and what syncs may be slow or
//! fail; reading, and whatever frees space, works as ever.

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

use super::{DirEntry, DirLock, Disk, DiskFile, Mapping, OpenMode, RealDisk, WholeSync};
use crate::faults::Faults;

/// See the file's head.
#[derive(Debug)]
pub(super) struct FaultyDisk {
    pub(super) faults: Arc<Faults>,
}

impl Disk for FaultyDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let file = RealDisk.open(path, mode)?;
        let faults = Arc::clone(&self.faults);
        Ok(Arc::new(FaultyFile { file, faults }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.faults.write()?;
        RealDisk.create_dir_all(path)
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        RealDisk.read_dir(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.write()?;
        RealDisk.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.faults.sync()?;
        RealDisk.sync_dir(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        RealDisk.exists(path)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }

    fn total_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.total_bytes(path)
    }

    fn whole_sync(&self, path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>> {
        let whole = RealDisk.whole_sync(path)?;
        let behind = |whole| -> Arc<dyn WholeSync> {
            let faults = Arc::clone(&self.faults);
            Arc::new(FaultySync { whole, faults })
        };
        Ok(whole.map(behind))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        RealDisk.lock(path)
    }
}

#[derive(Debug)]
struct FaultySync {
    whole: Arc<dyn WholeSync>,
    faults: Arc<Faults>,
}

impl WholeSync for FaultySync {
    fn sync(&self) -> io::Result<()> {
        self.faults.sync()?;
        self.whole.sync()
    }
}

#[derive(Debug)]
struct FaultyFile {
    file: Arc<dyn DiskFile>,
    faults: Arc<Faults>,
}

impl DiskFile for FaultyFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.faults.write()?;
        self.file.write_all_at(bytes, offset)
    }

    fn write_vectored_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        self.faults.write()?;
        self.file.write_vectored_at(slices, offset)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.faults.write()?;
        self.file.allocate(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.sync()?;
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn Mapping>> {
        self.file.map(len)
    }
}
