//! The state journal: what each partition must remember besides its frames, for all partitions of
//! a directory in one file, so that many votes need one sync.
//!
//! `state.journal` is appended to and, when it has grown too long, written anew. The last record of
//! a partition holds. Big-endian. The head:
//!
//! | at | bytes | field |
//! |---|---|---|
//! | 0 | 4 | magic `OTSJ` |
//! | 4 | 2 | version, 1 |
//! | 6 | 8 | generation: starts that followed a disorderly end; what older ones left is void |
//! | 14 | 4 | CRC-32C of the 14 bytes before |
//!
//! Then records:
//!
//! | bytes | field |
//! |---|---|
//! | 4 | length of the body |
//! | 4 | CRC-32C of the body |
//! | 1 | body: kind, 1 state, 2 forgotten |
//! | 16 + 4 + 8 | topic id, partition, group id |
//! | ? 4 + n | state only: vote, length and bytes |
//! | ? 4 + 8 | committed: term and index |
//! | 8 | log start offset |
//! | 8 | durable mark: all frames below this index are on the medium |
//! | ? 8 | a truncation to this index was under way: the next start completes it |
//!
//! Votes are synced before anyone is told of them, truncations before they begin. The rest comes along: after a crash it may be
//! older than it was, which is safe: the durable mark is a lower bound, and what is committed
//! and where the log starts is learned again.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use ottla_platform::disk::{Disk, DiskFile, OpenMode, is_exhaustion};
use uuid::Uuid;

use crate::boundary::{get_id, put_id};
use crate::codec::{Malformed, get_bytes, get_option, put_bytes, put_option};
use crate::{Identity, LogId, small_file};

const FILE: &str = "state.journal";
const MAGIC: [u8; 6] = *b"OTSJ\0\x01";
const HEAD_LEN: usize = 18;
const STATE: u8 = 1;
const FORGOTTEN: u8 = 2;
const IDENTITY_LEN: usize = 28;
/// A record is never longer: the vote is the only part without a fixed size.
const BODY_MAX: usize = 1 + IDENTITY_LEN + 1 + 4 + crate::VOTE_BYTES_MAX + 1 + 12 + 8 + 8 + 9;
/// Write the journal anew when it exceeds this and four times what it has to say.
const REWRITE_BYTES: u64 = 1 << 20;
/// Records that found no space are kept up to this; then the journal is to be written anew.
const PENDING_BYTES_MAX: usize = 64 << 10;

/// What is remembered of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Saved {
    pub(crate) vote: Option<Bytes>,
    pub(crate) committed: Option<LogId>,
    pub(crate) log_start_offset: i64,
    pub(crate) durable_index: u64,
    pub(crate) truncating_to: Option<u64>,
}

/// The journal, open for appending.
#[derive(Debug)]
pub(crate) struct Journal {
    disk: Arc<dyn Disk>,
    directory: PathBuf,
    file: Arc<dyn DiskFile>,
    len: u64,
    saved: BTreeMap<Identity, Saved>,
    generation: u64,
    /// Records noted but not yet written.
    pending: BytesMut,
    unsynced: bool,
    /// The file lacks records that were noted and are not pending.
    behind: bool,
}

impl Journal {
    /// Reads the journal and writes it anew, synced, in the next generation unless the directory
    /// was closed in order. `unknown` is the generation if it cannot be read: one never used.
    /// The flag tells that records in the middle were damaged, so that any partition's state may
    /// be older than what was promised.
    pub(crate) fn open(
        disk: Arc<dyn Disk>,
        directory: &Path,
        was_clean: bool,
        unknown: u64,
    ) -> io::Result<(Journal, bool)> {
        let path = directory.join(FILE);
        let given = small_file::read_what_is_given(&*disk, &path)?.unwrap_or_default();
        let (generation, saved, mut damaged) = read_all(&given.bytes);
        // no write that was cut off leaves what cannot be read
        damaged |= given.lost_bytes > 0;
        let generation = match generation {
            Some(generation) => generation + u64::from(!was_clean),
            None => unknown,
        };
        let file = rewrite(&*disk, directory, generation, &saved)?;
        let journal = Journal {
            len: file.len()?,
            disk,
            directory: directory.to_owned(),
            file,
            saved,
            generation,
            pending: BytesMut::new(),
            unsynced: false,
            behind: false,
        };
        Ok((journal, damaged))
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn get(&self, identity: &Identity) -> Option<&Saved> {
        self.saved.get(identity)
    }

    /// Whose state is known.
    pub(crate) fn identities(&self) -> impl Iterator<Item = Identity> + use<> {
        let known: Vec<Identity> = self.saved.keys().copied().collect();
        known.into_iter()
    }

    /// Notes a partition's state, to be written by the next [`Journal::write`].
    pub(crate) fn note(&mut self, identity: Identity, saved: Saved) {
        if self.saved.get(&identity) != Some(&saved) {
            put_record(&mut self.pending, identity, Some(&saved));
            self.saved.insert(identity, saved);
        }
    }

    /// Forgets a partition, likewise.
    pub(crate) fn forget(&mut self, identity: Identity) {
        if self.saved.remove(&identity).is_some() {
            put_record(&mut self.pending, identity, None);
        }
    }

    /// Writes what was noted. It is durable after [`Journal::sync`]. What cannot be written for
    /// lack of space is written with the next call.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        let end = self.len + self.pending.len() as u64;
        let needed = self.saved.len() as u64 * (BODY_MAX as u64 / 2);
        if self.behind || end > REWRITE_BYTES.max(needed * 4) {
            match self.rewrite() {
                // there may be room left at the end of the old file
                Err(error) if is_exhaustion(&error) && !self.behind => {}
                result => return result,
            }
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.file.write_all_at(&self.pending, self.len) {
            if self.pending.len() > PENDING_BYTES_MAX {
                // all of it stands in memory too
                self.pending.clear();
                self.behind = true;
            }
            return Err(error);
        }
        self.len = end;
        self.unsynced = true;
        self.pending.clear();
        Ok(())
    }

    fn rewrite(&mut self) -> io::Result<()> {
        self.file = rewrite(&*self.disk, &self.directory, self.generation, &self.saved)?;
        self.len = self.file.len()?;
        self.unsynced = false;
        self.behind = false;
        self.pending.clear();
        Ok(())
    }

    /// The file to sync, if something was written since it was synced last; it counts as synced
    /// from now on.
    pub(crate) fn take_unsynced(&mut self) -> Option<Arc<dyn DiskFile>> {
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.file))
    }

    /// Writes what was noted and makes it durable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.write()?;
        self.take_unsynced().map_or(Ok(()), |file| file.sync_data())
    }
}

fn rewrite(
    disk: &dyn Disk,
    directory: &Path,
    generation: u64,
    saved: &BTreeMap<Identity, Saved>,
) -> io::Result<Arc<dyn DiskFile>> {
    let mut bytes = BytesMut::from(&MAGIC[..]);
    bytes.put_u64(generation);
    bytes.put_u32(crc32c::crc32c(&bytes));
    for (identity, saved) in saved {
        put_record(&mut bytes, *identity, Some(saved));
    }
    let path = directory.join(FILE);
    small_file::put(disk, &path, &bytes)?;
    disk.sync_dir(directory)?;
    let file = disk.open(&path, OpenMode::Write)?;
    // so that votes can be cast on a full disk; without it they may still
    let _ = file.allocate(bytes.len() as u64, REWRITE_BYTES);
    Ok(file)
}

fn put_record(to: &mut BytesMut, identity: Identity, saved: Option<&Saved>) {
    let mut body = BytesMut::with_capacity(BODY_MAX);
    body.put_u8(if saved.is_some() { STATE } else { FORGOTTEN });
    body.put_u128(identity.topic_id.as_u128());
    body.put_i32(identity.partition);
    body.put_u64(identity.group_id);
    if let Some(saved) = saved {
        put_option(&mut body, saved.vote.as_ref(), |to, vote| {
            put_bytes(to, vote)
        });
        put_option(&mut body, saved.committed, put_id);
        body.put_i64(saved.log_start_offset);
        body.put_u64(saved.durable_index);
        put_option(&mut body, saved.truncating_to, BytesMut::put_u64);
    }
    to.put_u32(body.len() as u32);
    to.put_u32(crc32c::crc32c(&body));
    to.put_slice(&body);
}

/// The generation and all records that can be read, and whether something unreadable stands before
/// a readable record.
fn read_all(bytes: &[u8]) -> (Option<u64>, BTreeMap<Identity, Saved>, bool) {
    let mut saved = BTreeMap::new();
    let generation = read_head(bytes);
    let mut skipped = generation.is_none() && !bytes.is_empty();
    let mut damaged = false;
    let mut rest = if skipped {
        bytes
    } else {
        &bytes[HEAD_LEN.min(bytes.len())..]
    };
    while !rest.is_empty() {
        let mut after = rest;
        let Ok((identity, record)) = read_record(&mut after) else {
            // a torn end has no readable record behind it; look for one at every byte
            skipped = true;
            rest = &rest[1..];
            continue;
        };
        damaged |= skipped;
        match record {
            Some(record) => saved.insert(identity, record),
            None => saved.remove(&identity),
        };
        rest = after;
    }
    (generation, saved, damaged)
}

fn read_head(bytes: &[u8]) -> Option<u64> {
    let (head, crc) = bytes.get(..HEAD_LEN)?.split_at(HEAD_LEN - 4);
    let sound = crc32c::crc32c(head).to_be_bytes() == *crc;
    let generation = head.strip_prefix(&MAGIC)?.first_chunk()?;
    sound.then_some(u64::from_be_bytes(*generation))
}

fn read_record(from: &mut &[u8]) -> Result<(Identity, Option<Saved>), Malformed> {
    let len = from.try_get_u32()? as usize;
    let crc = from.try_get_u32()?;
    let (mut body, rest) = from.split_at_checked(len).ok_or(Malformed)?;
    if len > BODY_MAX || crc32c::crc32c(body) != crc {
        return Err(Malformed);
    }
    *from = rest;
    let kind = body.try_get_u8()?;
    let identity = Identity {
        topic_id: Uuid::from_u128(body.try_get_u128()?),
        partition: body.try_get_i32()?,
        group_id: body.try_get_u64()?,
    };
    let saved = match kind {
        STATE => Some(Saved {
            vote: get_option(&mut body, get_bytes)?,
            committed: get_option(&mut body, get_id)?,
            log_start_offset: body.try_get_i64()?,
            durable_index: body.try_get_u64()?,
            truncating_to: get_option(&mut body, |from| Ok(from.try_get_u64()?))?,
        }),
        FORGOTTEN => None,
        _ => return Err(Malformed),
    };
    Ok((identity, saved))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_platform::sim::SimDisk;

    fn identity(n: u64) -> Identity {
        Identity {
            topic_id: Uuid::from_u128(1 << 100),
            partition: 3,
            group_id: n,
        }
    }

    fn state(n: u64) -> Saved {
        Saved {
            vote: Some(Bytes::copy_from_slice(&n.to_be_bytes())),
            committed: Some(LogId { term: 1, index: n }),
            log_start_offset: n as i64,
            durable_index: n + 1,
            truncating_to: n.is_multiple_of(2).then_some(n),
        }
    }

    fn open(disk: &SimDisk) -> (Journal, bool) {
        disk.create_dir_all(Path::new("d")).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        Journal::open(Arc::new(disk.clone()), Path::new("d"), false, 99).unwrap()
    }

    #[test]
    fn the_last_synced_state_survives_a_power_cut() {
        for seed in 0..100 {
            let disk = SimDisk::new(seed);
            let (mut journal, _) = open(&disk);
            journal.note(identity(1), state(1));
            journal.note(identity(2), state(2));
            journal.sync().unwrap();
            journal.note(identity(1), state(10));
            journal.forget(identity(2));
            journal.write().unwrap();
            disk.power_on();
            let (journal, damaged) = open(&disk);
            assert!(!damaged, "seed {seed}");
            let first = journal.get(&identity(1)).unwrap();
            assert!(
                [state(1), state(10)].contains(first),
                "seed {seed}: {first:?}"
            );
            assert!([None, Some(&state(2))].contains(&journal.get(&identity(2))));
        }
    }

    #[test]
    fn damage_before_a_readable_record_is_told_and_a_torn_end_is_not() {
        let disk = SimDisk::new(0);
        let (mut journal, _) = open(&disk);
        (1..=3).for_each(|n| journal.note(identity(n), state(n)));
        journal.sync().unwrap();
        let bytes = disk.contents(Path::new("d/state.journal")).unwrap();
        let without = bytes.len() - HEAD_LEN - 8;
        let record = without / 3;
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 0x20;
            let (generation, saved, damaged) = read_all(&flipped);
            let last = at >= HEAD_LEN + 2 * record + 8;
            assert_eq!(damaged, !last, "byte {at}");
            let in_head = at < HEAD_LEN;
            assert_eq!(
                (generation.is_none(), saved.len()),
                (in_head, if in_head { 3 } else { 2 })
            );
            assert!(!read_all(&bytes[..at]).2, "cut at {at}");
        }
    }

    #[test]
    fn a_disorderly_end_begins_a_new_generation() {
        let disk = SimDisk::new(0);
        assert_eq!(open(&disk).0.generation(), 99);
        assert_eq!(open(&disk).0.generation(), 100);
        let again = Journal::open(Arc::new(disk.clone()), Path::new("d"), true, 0).unwrap();
        assert_eq!(again.0.generation(), 100);
    }

    #[test]
    fn a_long_journal_is_written_anew_and_keeps_everything() {
        let disk = SimDisk::new(0);
        let (mut journal, _) = open(&disk);
        journal.note(identity(0), state(0));
        for n in 0..20_000 {
            journal.note(identity(1), state(n));
            journal.write().unwrap();
        }
        assert!(journal.len <= REWRITE_BYTES);
        journal.sync().unwrap();
        drop(journal);
        let (journal, _) = open(&disk);
        assert_eq!(journal.get(&identity(0)), Some(&state(0)));
        assert_eq!(journal.get(&identity(1)), Some(&state(19_999)));
    }
}
