//! Putting a segment that was written anew in the place of those that it was made from.
//!
//! Its files stand beside the log under names of their own. What is to be done is first written to a file,
//! durably: from then on the old segments are forgotten, and if a crash comes between, the next start carries
//! on from that file. Until then it removes what was written. Readers that have the old files keep them.
//!
//! An envelope (see [`crate::codec`]) with magic `OTSW` and version 1; the body, big-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 8 | base offset of the first segment, whose name the new one bears |
//! | 1 | whether it has an index of aborted transactions |
//! | [] 8 | base offsets of the others |

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::rewrite::Rewritten;
use super::shared::{Inner, LogShared};
use crate::DirectoryMeta;
use crate::codec::{Malformed, get_list, put_list, seal, unseal};
use crate::dir::DirShared;
use crate::segment::{Kind, Segment, file_name};
use crate::small_file;

const FILE: &str = "swap";
const MAGIC: [u8; 4] = *b"OTSW";
const VERSION: u16 = 1;
/// Ending of the files of a segment that was written anew. Without the file above they mean nothing.
pub(super) const REWRITTEN: &str = ".cleaned";

/// The files that are written anew. What is known at the segment's start stays.
const KINDS: [Kind; 5] = [
    Kind::Log,
    Kind::Offsets,
    Kind::Times,
    Kind::Transactions,
    Kind::Raft,
];

/// The name that a file has until it is in its place.
pub(super) fn rewritten(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(REWRITTEN);
    name.into()
}

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
struct Swap {
    base_offset: i64,
    has_aborted: bool,
    others: Vec<i64>,
}

impl LogShared {
    /// Puts a segment that begins with the first of some adjacent segments and ends with the last in their
    /// place, unless one of them is not the log's any more; whether it did. Blocks.
    ///
    /// # Errors
    /// The disk fails or is full.
    pub(super) fn swap(self: &Arc<Self>, old: &[Segment], new: Rewritten) -> io::Result<bool> {
        let mut is_in_place = false;
        let swapped = self.exclusively("swap", false, |log, inner| {
            if let Some(at) = inner.place_of(old) {
                log.install(inner, at, old.len(), new)?;
                is_in_place = true;
            }
            Ok(())
        });
        swapped.map(|()| is_in_place)
    }

    /// Removes what was written of a segment, and is in no place.
    pub(super) fn discard(&self, base_offset: i64) {
        for kind in KINDS {
            let path = rewritten(&self.folder.join(file_name(base_offset, kind)));
            // what stays is removed by the next start
            let _ = self.dir.disk.remove_file(&path);
        }
    }

    fn install(
        &self,
        inner: &mut Inner,
        at: usize,
        count: usize,
        new: Rewritten,
    ) -> io::Result<()> {
        let old = &inner.segments[at..at + count];
        let base_offsets = old.iter().map(|segment| segment.head.base_offset);
        let swap = Swap {
            base_offset: new.segment.head.base_offset,
            has_aborted: new.has_aborted,
            others: base_offsets.skip(1).collect(),
        };
        // a start reads from the newest segment that the mark vouches for: not these, which tell less of
        // producers than they did
        self.sync_saved(inner)?;
        let old = &inner.segments[at..at + count];
        self.dir.need_format(DirectoryMeta::WITH_GAPS)?;
        let disk = &*self.dir.disk;
        // the names of the new files, before anything says that they count
        disk.sync_dir(&self.folder)?;
        small_file::put(disk, &self.folder.join(FILE), &swap.encode())?;
        disk.sync_dir(&self.folder)?;
        old.iter().for_each(|segment| segment.files.retire());
        swap.carry_out(&self.dir, &self.folder)?;
        let next = inner.segments[at + count].head;
        let closed = Segment::closed(new.segment.head, new.segment.files, &next);
        inner.tail.forget_below(closed.next_index);
        inner.segments.splice(at..at + count, [closed]);
        Ok(())
    }
}

impl Inner {
    /// Where these segments are, if they are all there and not the last.
    pub(super) fn place_of(&self, old: &[Segment]) -> Option<usize> {
        let first = old.first()?;
        let is_first = |it: &Segment| Arc::ptr_eq(&it.files, &first.files);
        let at = self.segments.iter().position(is_first)?;
        let here = self.segments.get(at..at + old.len())?;
        let mut pairs = here.iter().zip(old);
        let same = pairs.all(|(here, old)| {
            Arc::ptr_eq(&here.files, &old.files) && here.next_index == old.next_index
        });
        (same && at + old.len() < self.segments.len()).then_some(at)
    }
}

/// Carries on with a swap that a crash interrupted, if there is one.
pub(super) fn finish_swap(dir: &DirShared, folder: &Path) -> io::Result<()> {
    let Some(bytes) = small_file::read(&*dir.disk, &folder.join(FILE))? else {
        return Ok(());
    };
    let text = |Malformed| format!("{} is damaged", folder.join(FILE).display());
    let invalid = |error| io::Error::new(ErrorKind::InvalidData, text(error));
    let swap = Swap::decode(&bytes).map_err(invalid)?;
    // the file's name may not be durable yet, and the old segments go next
    dir.disk.sync_dir(folder)?;
    swap.carry_out(dir, folder)
}

impl Swap {
    fn encode(&self) -> Bytes {
        let mut body = BytesMut::new();
        body.put_i64(self.base_offset);
        body.put_u8(self.has_aborted.into());
        put_list(&mut body, &self.others, |to, base| to.put_i64(*base));
        seal(MAGIC, VERSION, &body)
    }

    fn decode(bytes: &[u8]) -> Result<Swap, Malformed> {
        let mut body = unseal(MAGIC, VERSION, bytes)?;
        let from = &mut body;
        Ok(Swap {
            base_offset: from.try_get_i64()?,
            has_aborted: from.try_get_u8()? == 1,
            others: get_list(from, 8, |from| Ok(from.try_get_i64()?))?,
        })
    }

    /// May be done in part already.
    fn carry_out(&self, dir: &DirShared, folder: &Path) -> io::Result<()> {
        let disk = &*dir.disk;
        let absent_is_fine = |result: io::Result<()>| match result {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            result => result,
        };
        for base in &self.others {
            for kind in Kind::ALL {
                absent_is_fine(disk.remove_file(&folder.join(file_name(*base, kind))))?;
            }
        }
        for kind in KINDS {
            let path = folder.join(file_name(self.base_offset, kind));
            match kind {
                Kind::Transactions if !self.has_aborted => absent_is_fine(disk.remove_file(&path)),
                _ => absent_is_fine(disk.rename(&rewritten(&path), &path)),
            }?;
        }
        disk.sync_dir(folder)?;
        disk.remove_file(&folder.join(FILE))?;
        disk.sync_dir(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_to_be_done_round_trips_and_damage_is_noticed() {
        let swap = Swap {
            base_offset: 1 << 40,
            has_aborted: true,
            others: vec![1 << 41, 1 << 42],
        };
        let bytes = swap.encode();
        assert_eq!(Swap::decode(&bytes), Ok(swap));
        for at in 0..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1;
            assert_eq!(Swap::decode(&flipped), Err(Malformed), "byte {at}");
        }
    }
}
