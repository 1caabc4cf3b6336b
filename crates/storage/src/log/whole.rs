//! That a log which began empty, though its group was older, has all that was committed before: from
//! which length on. Where the file is absent, nobody has said so.
//!
//! | bytes | field |
//! |---|---|
//! | 10 | envelope: `OTWH`, version 1, checksum |
//! | 8 | Raft index below which all frames must be there |

use std::io;

use bytes::{Buf, BufMut, BytesMut};

use super::handle::Log;
use crate::codec::{Malformed, seal, unseal};
use crate::small_file;

const FILE: &str = "whole";
const MAGIC: [u8; 4] = *b"OTWH";
const VERSION: u16 = 1;

impl Log {
    /// Notes durably that the log has all that was committed before it began, once it has all frames
    /// below `next_index`. Blocks.
    ///
    /// # Errors
    /// The disk fails, or is full.
    pub fn note_whole(&self, next_index: u64) -> io::Result<()> {
        let mut body = BytesMut::new();
        body.put_u64(next_index);
        let disk = &*self.shared.dir.disk;
        let bytes = seal(MAGIC, VERSION, &body);
        small_file::put(disk, &self.shared.folder.join(FILE), &bytes)?;
        disk.sync_dir(&self.shared.folder)
    }

    /// Whether that was noted, and the log is as long still. Blocks.
    ///
    /// # Errors
    /// The disk fails.
    pub fn is_whole(&self) -> io::Result<bool> {
        let disk = &*self.shared.dir.disk;
        let bytes = small_file::read(disk, &self.shared.folder.join(FILE))?;
        let noted = bytes.and_then(|bytes| decode(&bytes).ok());
        Ok(noted.is_some_and(|next_index| next_index <= self.state().next_index))
    }
}

fn decode(bytes: &[u8]) -> Result<u64, Malformed> {
    Ok(unseal(MAGIC, VERSION, bytes)?.try_get_u64()?)
}
