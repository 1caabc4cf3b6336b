//! Which files a path of the command line stands for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ottla_platform::disk::RealDisk;
use ottla_storage::inspect::{FileKind, IndexEntry, file_kind, read_index};

/// One file to print.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) base_offset: i64,
    pub(super) kind: FileKind,
    /// The partition folder's name, which tells whose records these are.
    pub(super) folder: String,
}

/// A segment's file itself; all logs of a partition folder; all logs of a data directory.
pub(super) fn find(path: &Path) -> io::Result<Vec<Found>> {
    if !fs::metadata(path)?.is_dir() {
        let found = found(path).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                "its name is none of a segment's",
            )
        })?;
        return Ok(vec![found]);
    }
    let mut logs = logs_of(path)?;
    if logs.is_empty() {
        for folder in sorted(path)? {
            if folder.is_dir() {
                logs.extend(logs_of(&folder)?);
            }
        }
    }
    Ok(logs)
}

/// How much of a log counts: what lies behind was cut off when the segment behind it was begun.
pub(super) fn counting_bytes(log: &Found) -> Option<u64> {
    let folder = log.path.parent()?;
    let logs = logs_of(folder).ok()?;
    let next = logs
        .iter()
        .find(|other| other.base_offset > log.base_offset)?;
    let head = next.path.with_extension("raftindex");
    let entries = read_index(&RealDisk, &head, next.base_offset, FileKind::RaftIndex).ok()?;
    match entries.first()? {
        IndexEntry::Head { previous_bytes, .. } => Some(*previous_bytes),
        _ => None,
    }
}

fn logs_of(folder: &Path) -> io::Result<Vec<Found>> {
    let files = sorted(folder)?.into_iter().filter_map(|path| found(&path));
    Ok(files.filter(|found| found.kind == FileKind::Log).collect())
}

fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>()?;
    paths.sort();
    Ok(paths)
}

fn found(path: &Path) -> Option<Found> {
    let (base_offset, kind) = file_kind(path.file_name()?.to_str()?)?;
    // A bare file name lies in a folder too, whose name tells as much.
    let folder = fs::canonicalize(path).ok();
    let folder = folder
        .as_deref()
        .unwrap_or(path)
        .parent()
        .and_then(Path::file_name);
    Some(Found {
        path: path.to_path_buf(),
        base_offset,
        kind,
        folder: folder.map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
    })
}
