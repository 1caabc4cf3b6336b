//! An open simulated file, and its mapping.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
use rustix::io::Errno;

use super::SimDisk;
use super::disk::State;
use super::inode::Inode;
use super::tree::Id;
use crate::disk::{DiskFile, Mapping};

#[derive(Debug, Clone)]
pub(super) struct SimFile {
    pub(super) disk: SimDisk,
    pub(super) inode: Id,
    /// Of the disk when the file was opened.
    pub(super) life: u64,
}

impl SimFile {
    fn change<T>(&self, operation: impl FnOnce(&mut State) -> io::Result<T>) -> io::Result<T> {
        let mut state = self.disk.state.lock();
        state.alive(self.life)?;
        state.operate(operation)
    }

    fn look<T>(&self, look: impl FnOnce(&Inode) -> T) -> io::Result<T> {
        let state = self.disk.state.lock();
        state.alive(self.life)?;
        Ok(look(&state.tree.files[&self.inode]))
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.look(|inode| {
            let bytes = &inode.bytes;
            let start = usize::try_from(offset).map_or(bytes.len(), |o| o.min(bytes.len()));
            let read = buffer.len().min(bytes.len() - start);
            if !inode.is_readable(start..start + read) {
                return Err(Errno::IO.into());
            }
            buffer[..read].copy_from_slice(&bytes[start..start + read]);
            Ok(read)
        })?
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.change(|state| state.write(self.inode, bytes, offset))
    }

    fn write_vectored_at(&self, slices: &mut [IoSlice<'_>], offset: u64) -> io::Result<()> {
        let bytes = slices.iter().flat_map(|slice| slice.iter().copied());
        self.write_all_at(&bytes.collect::<Vec<u8>>(), offset)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.change(|state| state.reserve(self.inode, offset + len))
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|state| {
            let inode = state.inode(self.inode);
            inode.resize(len as usize);
            inode.reserved = len;
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.state.lock();
        state.alive(self.life)?;
        let id = self.inode;
        let known = "inodes are never dropped";
        state.sync(
            |tree| tree.files.get_mut(&id).expect(known).forget_dirty(),
            |tree| tree.files.get_mut(&id).expect(known).sync(),
        )
    }

    fn len(&self) -> io::Result<u64> {
        self.look(|inode| inode.bytes.len() as u64)
    }

    fn map(&self, len: u64) -> io::Result<Arc<dyn Mapping>> {
        self.look(|_| ())?;
        Ok(Arc::new(SimMapping {
            file: self.clone(),
            len,
        }))
    }
}

/// Copies from the file at each call, so that it sees what is appended as a real mapping does.
#[derive(Debug)]
struct SimMapping {
    file: SimFile,
    len: u64,
}

impl Mapping for SimMapping {
    fn slice(&self, offset: u64, len: usize) -> io::Result<Bytes> {
        let outside = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let end = offset.checked_add(len as u64).ok_or_else(outside)?;
        if end > self.len {
            return Err(outside());
        }
        self.file.look(|inode| {
            let range = offset as usize..end as usize;
            if !inode.is_readable(range.clone()) {
                return Err(Errno::IO.into());
            }
            let part = inode.bytes.get(range);
            let part = part.expect("a view beyond the file's end would be SIGBUS");
            Ok(Bytes::copy_from_slice(part))
        })?
    }

    fn is_zero_copy(&self) -> bool {
        false
    }
}
