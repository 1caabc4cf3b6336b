//! The real disk.
#[derive(Debug)]
pub struct RealDisk;
