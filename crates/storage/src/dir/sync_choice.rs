//! Whether several files are synced one by one, or with all of their file system.
//!
//! One by one each waits for its data, its inode and the disk's cache; all at once is mostly quicker. But that waits
//! for everything else, too, that anybody has written to the file system. So what took less time lately is done; what
//! is not done is forgotten little by little, and so tried again now and then.

use std::time::Duration;

use parking_lot::Mutex;

/// How much of what is known gives way to what a sync took.
const LEARN: u32 = 8;
/// How much of what is known of the other way is forgotten each time.
const FORGET: u32 = 512;

/// Either way of syncing several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    OneByOne,
    AllAtOnce,
}

/// What syncs took lately.
#[derive(Default)]
pub(crate) struct SyncChoice(Mutex<Lately>);

#[derive(Default)]
struct Lately {
    /// For each file.
    one: Option<Duration>,
    all: Option<Duration>,
}

impl SyncChoice {
    /// How to sync so many files.
    pub(crate) fn of(&self, files: usize) -> Way {
        if files < 2 {
            return Way::OneByOne;
        }
        let files = u32::try_from(files).unwrap_or(u32::MAX);
        let mut lately = self.0.lock();
        let Some(all) = lately.all else {
            return Way::AllAtOnce;
        };
        let Some(one) = lately.one else {
            return Way::OneByOne;
        };
        if all <= one.saturating_mul(files) {
            lately.one = Some(one - one / FORGET);
            Way::AllAtOnce
        } else {
            lately.all = Some(all - all / FORGET);
            Way::OneByOne
        }
    }

    /// Learns from a sync of so many files.
    pub(crate) fn took(&self, way: Way, files: usize, took: Duration) {
        let mut lately = self.0.lock();
        let (known, took) = match way {
            Way::AllAtOnce => (&mut lately.all, took),
            Way::OneByOne => {
                let files = u32::try_from(files).unwrap_or(u32::MAX);
                (&mut lately.one, took / files.max(1))
            }
        };
        *known = Some(known.map_or(took, |it| it - it / LEARN + took / LEARN));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How many of so many syncs of three files were of all at once, if each way takes that long.
    fn of_all(choice: &SyncChoice, one: Duration, all: Duration, rounds: u32) -> u32 {
        let sync = |_: &u32| {
            let way = choice.of(3);
            let took = match way {
                Way::OneByOne => one * 3,
                Way::AllAtOnce => all,
            };
            choice.took(way, 3, took);
            way == Way::AllAtOnce
        };
        u32::try_from((0..rounds).filter(sync).count()).unwrap()
    }

    #[test]
    fn a_file_alone_is_synced_alone() {
        assert_eq!(SyncChoice::default().of(1), Way::OneByOne);
    }

    #[test]
    fn what_is_quicker_is_done_and_the_other_tried_now_and_then() {
        let choice = SyncChoice::default();
        let quick = of_all(&choice, MS, 2 * MS, 1_000);
        assert!((950..1_000).contains(&quick), "{quick}");
        // Somebody else writes a lot.
        let slow = of_all(&choice, MS, 500 * MS, 1_000);
        assert!((1..10).contains(&slow), "{slow}");
        // They have stopped.
        of_all(&choice, MS, 2 * MS, 4_000);
        let quick = of_all(&choice, MS, 2 * MS, 1_000);
        assert!((950..1_000).contains(&quick), "{quick}");
    }
}
