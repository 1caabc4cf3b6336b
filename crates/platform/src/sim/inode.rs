//! One simulated file: its bytes as the process sees them, and as the medium holds them.
//!
//! Written bytes are dirty by sector until a sync. A power cut keeps any subset of the dirty
//! sectors, and any length between the durable and the current one.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::seed::Random;

/// Unit in which writes survive or vanish.
pub(super) const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    /// What reads see.
    pub(super) bytes: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// Sectors that the medium does not give, until they are written whole.
    lost: BTreeSet<usize>,
    /// Shortest length since the last sync: durable bytes beyond it are gone once that is synced.
    shortest: usize,
    /// End of the space reserved, at least the length.
    pub(super) reserved: u64,
}

/// What a power cut does to unsynced sectors.
#[derive(Debug, Clone, Copy)]
pub(super) enum Survival {
    Nothing,
    Everything,
    Some,
    /// Those before some point: as if written in order.
    Prefix,
}

impl Inode {
    pub(super) fn write(&mut self, bytes: &[u8], offset: usize) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        let whole = offset.div_ceil(SECTOR)..end / SECTOR;
        self.lost.retain(|sector| !whole.contains(sector));
        if end > self.bytes.len() {
            self.resize(end);
        }
        self.bytes[offset..end].copy_from_slice(bytes);
        self.dirty.extend(offset / SECTOR..=(end - 1) / SECTOR);
    }

    pub(super) fn resize(&mut self, len: usize) {
        let cut = len.min(self.bytes.len());
        self.bytes.resize(len, 0);
        self.shortest = self.shortest.min(cut);
        // what is cut off is given back: what grows there later is written elsewhere
        self.lost.retain(|sector| sector * SECTOR < cut);
        // the sector of the cut reads as zeros from there on if the file grows again
        self.dirty.retain(|sector| sector * SECTOR < len);
        if len > cut || !cut.is_multiple_of(SECTOR) {
            self.dirty.insert(cut / SECTOR);
        }
    }

    pub(super) fn sync(&mut self) {
        self.durable.truncate(self.shortest);
        self.durable.resize(self.bytes.len(), 0);
        for sector in std::mem::take(&mut self.dirty) {
            copy_sector(&self.bytes, &mut self.durable, sector);
        }
        self.shortest = self.bytes.len();
    }

    /// As after a failed sync: the system believes the pages clean, the medium lacks them.
    pub(super) fn forget_dirty(&mut self) {
        self.dirty.clear();
    }

    /// Loses the sector of a byte.
    pub(super) fn lose_sector(&mut self, byte: usize) {
        self.lost.insert(byte / SECTOR);
    }

    /// Whether all of these bytes can be read; to write part of a sector it is read.
    pub(super) fn is_readable(&self, bytes: Range<usize>) -> bool {
        bytes.is_empty() || {
            let mut sectors = self
                .lost
                .range(bytes.start / SECTOR..=(bytes.end - 1) / SECTOR);
            sectors.next().is_none()
        }
    }

    /// The same of what a write does not write whole.
    pub(super) fn is_writable(&self, bytes: Range<usize>) -> bool {
        let (first, last) = (bytes.start, bytes.end.min(self.bytes.len()));
        let begins_inside = !first.is_multiple_of(SECTOR) && !self.is_readable(first..first + 1);
        let ends_inside =
            !bytes.end.is_multiple_of(SECTOR) && last > first && !self.is_readable(last - 1..last);
        !begins_inside && !ends_inside
    }

    pub(super) fn flip_bit(&mut self, byte: usize, bit: u32) {
        for bytes in [&mut self.bytes, &mut self.durable] {
            if let Some(byte) = bytes.get_mut(byte) {
                *byte ^= 1 << bit;
            }
        }
    }

    /// The medium after a power cut, which is then also what reads see.
    pub(super) fn lose_power(&mut self, survival: Survival, random: &mut Random) {
        let uncertain = matches!(survival, Survival::Some | Survival::Prefix);
        if matches!(survival, Survival::Everything) || uncertain && random.chance(1, 2) {
            self.durable.truncate(self.shortest);
        }
        let (old, new) = (self.durable.len(), self.bytes.len());
        let len = match random.below(3) {
            0 if uncertain && new > old => old + random.below((new - old) as u64) as usize,
            1 if uncertain => new,
            _ if matches!(survival, Survival::Everything) => new,
            _ => old,
        };
        let cut = random.below(self.dirty.len() as u64 + 1) as usize;
        self.durable.resize(len, 0);
        for (n, sector) in std::mem::take(&mut self.dirty).into_iter().enumerate() {
            let survives = match survival {
                Survival::Nothing => false,
                Survival::Everything => true,
                Survival::Some => random.chance(1, 2),
                Survival::Prefix => n < cut,
            };
            if survives {
                copy_sector(&self.bytes, &mut self.durable, sector);
            }
        }
        self.bytes.clone_from(&self.durable);
        self.shortest = len;
        self.reserved = len as u64;
    }

    pub(super) fn space(&self) -> u64 {
        self.reserved.max(self.bytes.len() as u64)
    }
}

fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR;
    let end = (start + SECTOR).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_cut(survival: Survival, seed: u64) -> Vec<u8> {
        let mut inode = Inode::default();
        inode.write(&[1; 2 * SECTOR], 0);
        inode.sync();
        inode.write(&[2; 2 * SECTOR], SECTOR);
        inode.lose_power(survival, &mut Random::new(seed));
        inode.bytes
    }

    #[test]
    fn synced_bytes_survive_and_others_may_not() {
        assert_eq!(after_cut(Survival::Nothing, 0), [1; 2 * SECTOR]);
        let all = after_cut(Survival::Everything, 0);
        assert_eq!(all, [[1; SECTOR], [2; SECTOR], [2; SECTOR]].concat());
    }

    #[test]
    fn any_subset_of_sectors_can_survive() {
        let outcomes: BTreeSet<_> = (0..400)
            .map(|seed| after_cut(Survival::Some, seed))
            .map(|bytes| (bytes[SECTOR], bytes.get(2 * SECTOR).copied()))
            .collect();
        // overwritten sector kept or lost × the new one absent, present as zeros, present
        let wanted = [1, 2].map(|first| [None, Some(0), Some(2)].map(|second| (first, second)));
        assert_eq!(outcomes, wanted.into_iter().flatten().collect());
    }

    #[test]
    fn a_cut_file_that_grows_again_reads_zeros() {
        let mut inode = Inode::default();
        inode.write(&[7; 700], 0);
        inode.sync();
        inode.resize(100);
        inode.resize(700);
        inode.sync();
        inode.lose_power(Survival::Nothing, &mut Random::new(0));
        assert_eq!(inode.bytes, [vec![7; 100], vec![0; 600]].concat());
    }

    #[test]
    fn a_lost_sector_that_is_cut_off_can_be_written_again() {
        let mut inode = Inode::default();
        inode.write(&[7; 2 * SECTOR], 0);
        inode.lose_sector(0);
        inode.lose_sector(SECTOR);
        inode.resize(10);
        inode.write(&[8; SECTOR], 10);
        assert!(!inode.is_readable(0..10) && !inode.is_writable(20..30));
        assert!(inode.is_readable(SECTOR..SECTOR + 10));
        inode.resize(0);
        inode.write(&[9; 10], 0);
        assert!(inode.is_readable(0..10) && inode.is_writable(10..20));
    }
}
