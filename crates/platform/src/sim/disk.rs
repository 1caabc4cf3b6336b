//! The simulated disk and its faults.
//!
//! Every call that changes something is an operation, counted from 1. At a chosen one the power
//! fails: that operation may or may not have happened, all later calls fail, until
//! [`SimDisk::power_on`] shows what the medium kept. Handles from before are dead.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use rustix::io::Errno;

use super::file::SimFile;
use super::inode::{Inode, Survival};
use super::tree::{Id, Tree};
use crate::disk::{DirEntry, DirLock, Disk, DiskFile, OpenMode, WholeSync};
use crate::seed::Random;

/// A file system in memory. Cheap to clone; clones share it.
#[derive(Debug, Clone)]
pub struct SimDisk {
    pub(super) state: Arc<Mutex<State>>,
}

/// What shall go wrong. All off by default.
#[derive(Debug, Clone, Default)]
pub struct SimFaults {
    /// Power fails at the operation with this number.
    pub power_cut_at: Option<u64>,
    /// Syncs that fail (losing what they should have kept), once this many have succeeded.
    pub sync_fails_after: Option<u64>,
    /// Writes fail with an I/O error, once this many have succeeded.
    pub write_fails_after: Option<u64>,
    /// Bytes that all files may take together.
    pub capacity_bytes: Option<u64>,
    /// Offer `whole_sync`.
    pub whole_sync: bool,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) tree: Tree,
    random: Random,
    faults: SimFaults,
    operations: u64,
    off: bool,
    /// Times the power came back: handles of earlier times are dead.
    life: u64,
    locks: BTreeSet<PathBuf>,
}

impl SimDisk {
    /// An empty disk on which chance follows `seed`.
    pub fn new(seed: u64) -> SimDisk {
        SimDisk {
            state: Arc::new(Mutex::new(State {
                tree: Tree::new(),
                random: Random::new(seed),
                faults: SimFaults::default(),
                operations: 0,
                off: false,
                life: 0,
                locks: BTreeSet::new(),
            })),
        }
    }

    /// Changes what shall go wrong.
    pub fn set_faults(&self, change: impl FnOnce(&mut SimFaults)) {
        change(&mut self.state.lock().faults);
    }

    /// Lets the power fail at the operation that many from now.
    pub fn cut_power_in(&self, operations: u64) {
        let mut state = self.state.lock();
        state.faults.power_cut_at = Some(state.operations + operations);
    }

    /// Cuts the power now, until [`SimDisk::power_on`] or [`SimDisk::restart_process`].
    pub fn cut_power(&self) {
        self.state.lock().off = true;
    }

    /// The same disk as it is now, by itself: as the next process would find it.
    pub fn copy(&self) -> SimDisk {
        let mut state = self.state.lock().clone();
        state.revive();
        SimDisk {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Bytes that all files take together.
    pub fn used_bytes(&self) -> u64 {
        self.state.lock().tree.space()
    }

    /// Operations so far.
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// Whether the power failed.
    pub fn is_off(&self) -> bool {
        self.state.lock().off
    }

    /// Cuts the power now (if it did not fail before) and switches on again, with what the medium
    /// kept and without faults.
    pub fn power_on(&self) {
        let mut state = self.state.lock();
        let State { tree, random, .. } = &mut *state;
        let survival = match random.below(6) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::Prefix,
            _ => Survival::Some,
        };
        tree.lose_power(survival, random);
        state.revive();
    }

    /// Ends the process without ending the machine (kill -9): nothing is lost, handles die, and
    /// faults are off.
    pub fn restart_process(&self) {
        self.state.lock().revive();
    }

    /// Puts an empty disk in its place. Handles are dead.
    pub fn replace(&self) {
        let mut state = self.state.lock();
        state.tree = Tree::new();
        state.revive();
    }

    /// Damages a stored bit.
    ///
    /// # Errors
    /// There is no such file.
    pub fn flip_bit(&self, path: &Path, byte: u64, bit: u32) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.tree.file(path)?;
        let inode = state
            .tree
            .files
            .get_mut(&id)
            .ok_or(io::ErrorKind::NotFound)?;
        inode.flip_bit(byte as usize, bit);
        Ok(())
    }

    /// Lets reads of the sector of a byte fail, until it is written whole.
    ///
    /// # Errors
    /// There is no such file.
    pub fn lose_sector(&self, path: &Path, byte: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        let id = state.tree.file(path)?;
        state.inode(id).lose_sector(byte as usize);
        Ok(())
    }

    /// The bytes of a file, as reads see them.
    ///
    /// # Errors
    /// There is no such file.
    pub fn contents(&self, path: &Path) -> io::Result<Vec<u8>> {
        let state = self.state.lock();
        let id = state.tree.file(path)?;
        Ok(state.tree.files[&id].bytes.clone())
    }

    fn handle(&self, inode: Id, life: u64) -> SimFile {
        SimFile {
            disk: self.clone(),
            inode,
            life,
        }
    }
}

fn power_failed() -> io::Error {
    io::Error::other("simulated power cut")
}

impl State {
    fn revive(&mut self) {
        self.off = false;
        self.life += 1;
        self.locks.clear();
        self.faults = SimFaults {
            whole_sync: self.faults.whole_sync,
            capacity_bytes: self.faults.capacity_bytes,
            ..SimFaults::default()
        };
    }

    pub(super) fn alive(&self, life: u64) -> io::Result<()> {
        if self.off || life != self.life {
            return Err(power_failed());
        }
        Ok(())
    }

    /// Counts an operation and carries it out, unless the power fails at it: then perhaps.
    pub(super) fn operate<T>(
        &mut self,
        operation: impl FnOnce(&mut State) -> io::Result<T>,
    ) -> io::Result<T> {
        self.alive(self.life)?;
        self.operations += 1;
        if self.faults.power_cut_at != Some(self.operations) {
            return operation(self);
        }
        if self.random.chance(1, 2) {
            let _ = operation(self);
        }
        self.off = true;
        Err(power_failed())
    }

    /// As [`State::operate`] for syncs, which either happened and returned, or did not.
    pub(super) fn sync(
        &mut self,
        lost: impl FnOnce(&mut Tree),
        kept: impl FnOnce(&mut Tree),
    ) -> io::Result<()> {
        self.alive(self.life)?;
        self.operations += 1;
        if self.faults.power_cut_at == Some(self.operations) {
            self.off = true;
            return Err(power_failed());
        }
        match &mut self.faults.sync_fails_after {
            Some(0) => {
                lost(&mut self.tree);
                return Err(io::Error::other("simulated sync error"));
            }
            Some(left) => *left -= 1,
            None => {}
        }
        kept(&mut self.tree);
        Ok(())
    }

    pub(super) fn write(&mut self, inode: Id, bytes: &[u8], offset: u64) -> io::Result<()> {
        match &mut self.faults.write_fails_after {
            Some(0) => return Err(io::Error::other("simulated write error")),
            Some(left) => *left -= 1,
            None => {}
        }
        let end = offset as usize + bytes.len();
        if !self.inode(inode).is_writable(offset as usize..end) {
            return Err(Errno::IO.into());
        }
        self.reserve(inode, offset + bytes.len() as u64)?;
        self.inode(inode).write(bytes, offset as usize);
        Ok(())
    }

    pub(super) fn reserve(&mut self, inode: Id, end: u64) -> io::Result<()> {
        let more = end.saturating_sub(self.inode(inode).space());
        if let Some(capacity) = self.faults.capacity_bytes
            && more > 0
            && self.tree.space() + more > capacity
        {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let inode = self.inode(inode);
        inode.reserved = inode.reserved.max(end);
        Ok(())
    }

    pub(super) fn inode(&mut self, id: Id) -> &mut Inode {
        self.tree
            .files
            .get_mut(&id)
            .expect("inodes are never dropped")
    }
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = self.state.lock();
        let life = state.life;
        state.alive(life)?;
        let inode = match (state.tree.file(path), mode) {
            (Ok(id), OpenMode::Truncate) => state.operate(|state| {
                state.inode(id).resize(0);
                Ok(id)
            })?,
            (Ok(id), _) => id,
            (Err(error), OpenMode::Create | OpenMode::Truncate)
                if error.kind() == io::ErrorKind::NotFound =>
            {
                state.operate(|state| state.tree.create_file(path))?
            }
            (Err(error), _) => return Err(error),
        };
        Ok(Arc::new(self.handle(inode, life)))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.operate(|state| state.tree.create_dir_all(path))
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let state = self.state.lock();
        state.alive(state.life)?;
        let names = state.tree.list(path)?.into_iter();
        Ok(names
            .map(|(name, is_dir)| DirEntry { name, is_dir })
            .collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state
            .lock()
            .operate(|state| state.tree.rename(from, to))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.state.lock().operate(|state| state.tree.remove(path))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.state
            .lock()
            .operate(|state| match state.tree.find(path) {
                None => Ok(()),
                Some(_) => state.tree.remove(path),
            })
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        let mut result = Ok(());
        state.sync(|_| {}, |tree| result = tree.sync_dir(path))?;
        result
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        let state = self.state.lock();
        state.alive(state.life)?;
        Ok(state.tree.find(path).is_some())
    }

    fn free_bytes(&self, _path: &Path) -> io::Result<u64> {
        let state = self.state.lock();
        state.alive(state.life)?;
        let capacity = state.faults.capacity_bytes.unwrap_or(u64::MAX);
        Ok(capacity.saturating_sub(state.tree.space()))
    }

    fn total_bytes(&self, _path: &Path) -> io::Result<u64> {
        let state = self.state.lock();
        state.alive(state.life)?;
        Ok(state.faults.capacity_bytes.unwrap_or(u64::MAX))
    }

    fn whole_sync(&self, _path: &Path) -> io::Result<Option<Arc<dyn WholeSync>>> {
        let state = self.state.lock();
        state.alive(state.life)?;
        if !state.faults.whole_sync {
            return Ok(None);
        }
        Ok(Some(Arc::new(SimWholeSync {
            disk: self.clone(),
            life: state.life,
        })))
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn DirLock>> {
        let mut state = self.state.lock();
        state.alive(state.life)?;
        if !state.locks.insert(path.to_owned()) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(Box::new(SimLock {
            disk: self.clone(),
            path: path.to_owned(),
            life: state.life,
        }))
    }
}

#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    path: PathBuf,
    life: u64,
}

impl DirLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        let mut state = self.disk.state.lock();
        if state.life == self.life {
            state.locks.remove(&self.path);
        }
    }
}

#[derive(Debug)]
struct SimWholeSync {
    disk: SimDisk,
    life: u64,
}

impl WholeSync for SimWholeSync {
    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.alive(self.life)?;
        let lose_all = |tree: &mut Tree| tree.files.values_mut().for_each(|i| i.forget_dirty());
        state.sync(lose_all, Tree::sync_everything)
    }
}
