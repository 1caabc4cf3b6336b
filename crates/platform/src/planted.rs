//! Faults planted on purpose, to see that the simulator finds them.
//!
//! Each is a mistake of a kind that has lost data somewhere. A run of the simulator may have one of
//! them; in every other build there is none, and the compiler drops what it would change.

/// A mistake. Its place in the code asks whether it was planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Entries are acknowledged when they are written, before they are synced.
    AckBeforeFsync,
    /// A vote is told before it is synced.
    VoteNotSynced,
    /// A truncation does not sync the folder's names.
    TruncationSkipsDirectorySync,
    /// A deposed leader tells its high watermark as the newest.
    WatermarkOfStaleLeader,
    /// A replica votes for every candidate of a term.
    DoubleVote,
    /// A duplicate is acknowledged before the original is committed.
    DuplicateBeforeCommit,
    /// A start counts as durable what it found and did not sync.
    RecoveryWithoutFsync,
    /// A replica on an emptied disk goes on as the one that was there.
    InitializeAfterWipe,
    /// A start forgets up to where records were deleted.
    LogStartGoesBack,
}

impl Planted {
    /// Whether it was planted.
    #[cfg(not(ottla_sim))]
    #[inline(always)]
    pub const fn is_there(self) -> bool {
        false
    }
}

#[cfg(ottla_sim)]
mod sim {
    use std::cell::Cell;

    use super::Planted;

    thread_local! {
        static PLANTED: Cell<Option<Planted>> = const { Cell::new(None) };
    }

    impl Planted {
        /// All of them.
        pub const ALL: [Planted; 9] = [
            Planted::AckBeforeFsync,
            Planted::VoteNotSynced,
            Planted::TruncationSkipsDirectorySync,
            Planted::WatermarkOfStaleLeader,
            Planted::DoubleVote,
            Planted::DuplicateBeforeCommit,
            Planted::RecoveryWithoutFsync,
            Planted::InitializeAfterWipe,
            Planted::LogStartGoesBack,
        ];

        /// Whether it was planted.
        pub fn is_there(self) -> bool {
            PLANTED.get() == Some(self)
        }

        /// Plants it, for what runs on this thread from now on.
        pub fn plant(self) {
            PLANTED.set(Some(self));
        }

        /// As it is named on a command line.
        pub fn name(self) -> &'static str {
            match self {
                Planted::AckBeforeFsync => "ack-before-fsync",
                Planted::VoteNotSynced => "vote-not-synced",
                Planted::TruncationSkipsDirectorySync => "truncation-skips-directory-sync",
                Planted::WatermarkOfStaleLeader => "watermark-of-stale-leader",
                Planted::DoubleVote => "double-vote",
                Planted::DuplicateBeforeCommit => "duplicate-before-commit",
                Planted::RecoveryWithoutFsync => "recovery-without-fsync",
                Planted::InitializeAfterWipe => "initialize-after-wipe",
                Planted::LogStartGoesBack => "log-start-goes-back",
            }
        }
    }
}
