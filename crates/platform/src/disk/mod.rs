//! Files and directories behind two traits, and the real ones.
//!
//! In reading order: the traits and what each call promises, the real disk, mapped files. With the feature
//! `faults` the real disk can be made slow or fail. The simulated disk is [`crate::sim`].

mod api;
#[cfg(feature = "faults")]
mod faulty;
#[allow(
    unsafe_code,
    reason = "a view of mapped memory cannot be made without it"
)]
mod mapped;
mod real;

pub use api::{
    DirEntry, DirLock, Disk, DiskFile, Mapping, OpenMode, WholeSync, is_exhaustion, is_unreadable,
    read_given,
};
pub use real::{RealDisk, system};
