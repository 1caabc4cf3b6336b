//! `meta.properties`: who a log directory belongs to, in Kafka's form, with three lines more.
//!
//! ```text
//! version=1
//! cluster.id=MkU3OEVBNTcwNTJENDM2Qk
//! node.id=1
//! directory.id=3Db5QLSqSZieL3rJBUUegA
//! ottla.format=1
//! ottla.starts=12
//! ottla.crc32c=0123abcd
//! ```
//!
//! A directory of a cluster that is being founded or joined has a line `ottla.founding=` more, whose
//! text is the broker's business. The last line is the CRC-32C of everything before it, so that a damaged identity is not taken
//! for another one. `ottla.format` counts changes of the formats below the directory that an older
//! program must not touch. It rises when the first of them is written, so that until then the directory can be taken
//! back to an older program:
//!
//! | format | what there is since |
//! |---|---|
//! | 1 | |
//! | 2 | segments that were rewritten, and gaps ([`crate::frame`]): by compaction, or by repair |

use std::io;
use std::path::Path;

use ottla_platform::disk::Disk;
use uuid::Uuid;

use crate::base64;
use crate::small_file;

const FILE: &str = "meta.properties";
const CRC_KEY: &str = "ottla.crc32c=";
const STARTS_KEY: &str = "ottla.starts";
const FOUNDING_KEY: &str = "ottla.founding";
/// The newest that this program reads.
const FORMAT: u32 = 2;

/// Who a directory belongs to; kept in its `meta.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryMeta {
    /// Random, made with the directory: an emptied disk gets another.
    pub directory_id: Uuid,
    /// The cluster.
    pub cluster_id: String,
    /// The broker.
    pub node_id: i32,
    /// How often a broker was started on it: an older copy that was put back counts less than the
    /// cluster has seen.
    pub starts: u64,
    /// What the broker must know until the cluster's metadata tells it: a line without breaks.
    pub founding: Option<String>,
    /// Which formats there are below it; see the table above.
    pub format: u32,
}

impl DirectoryMeta {
    /// That of a directory which is empty.
    pub const FIRST_FORMAT: u32 = 1;
    /// That of a directory in which a segment was rewritten.
    pub(crate) const WITH_GAPS: u32 = 2;

    /// Reads the directory's identity; `None` if it has none yet.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or of a newer format.
    pub fn read(disk: &dyn Disk, directory: &Path) -> io::Result<Option<DirectoryMeta>> {
        let Some(bytes) = small_file::read(disk, &directory.join(FILE))? else {
            return Ok(None);
        };
        let invalid =
            |what: &str| io::Error::new(io::ErrorKind::InvalidData, format!("{FILE}: {what}"));
        let text = String::from_utf8(bytes).map_err(|_| invalid("not text"))?;
        DirectoryMeta::parse(&text).map(Some).map_err(invalid)
    }

    /// Writes the identity so that it survives a power cut; makes the directory.
    ///
    /// # Errors
    /// The disk fails.
    pub fn write(&self, disk: &dyn Disk, directory: &Path) -> io::Result<()> {
        disk.create_dir_all(directory)?;
        small_file::put(disk, &directory.join(FILE), self.format().as_bytes())?;
        disk.sync_dir(directory)?;
        match directory.parent() {
            Some(parent) if parent != Path::new("") => disk.sync_dir(parent),
            _ => disk.sync_dir(Path::new(".")),
        }
    }

    fn format(&self) -> String {
        let DirectoryMeta {
            directory_id,
            cluster_id,
            node_id,
            starts,
            founding,
            format,
        } = self;
        let founding = founding
            .iter()
            .map(|text| format!("{FOUNDING_KEY}={text}\n"));
        let founding: String = founding.collect();
        let directory_id = base64::encode(directory_id);
        let lines = format!(
            "version=1\ncluster.id={cluster_id}\nnode.id={node_id}\n\
             directory.id={directory_id}\nottla.format={format}\n{STARTS_KEY}={starts}\n{founding}"
        );
        let crc = crc32c::crc32c(lines.as_bytes());
        format!("{lines}{CRC_KEY}{crc:08x}\n")
    }

    fn parse(text: &str) -> Result<DirectoryMeta, &'static str> {
        let (lines, crc) = text.split_once(CRC_KEY).ok_or("no checksum")?;
        let crc = u32::from_str_radix(crc.trim_end(), 16).map_err(|_| "no checksum")?;
        if crc32c::crc32c(lines.as_bytes()) != crc {
            return Err("checksum mismatch");
        }
        let value = |key: &str| {
            let mut pairs = lines.lines().filter_map(|line| line.split_once('='));
            pairs.find(|(k, _)| *k == key).map(|(_, v)| v)
        };
        let format = value("ottla.format").and_then(|format| format.parse().ok());
        let format: u32 = format.ok_or("no ottla.format")?;
        if format > FORMAT {
            return Err("written by a newer version of Ottla");
        }
        let directory_id = value("directory.id").and_then(base64::decode);
        let node_id = value("node.id").and_then(|id| id.parse().ok());
        // Directories of before it was counted have no such line.
        let starts = value(STARTS_KEY).map_or(Some(0), |starts| starts.parse().ok());
        Ok(DirectoryMeta {
            directory_id: directory_id.ok_or("no directory.id")?,
            cluster_id: value("cluster.id").ok_or("no cluster.id")?.to_owned(),
            node_id: node_id.ok_or("no node.id")?,
            starts: starts.ok_or("no number of starts")?,
            founding: value(FOUNDING_KEY).map(str::to_owned),
            format,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ottla_platform::sim::SimDisk;

    fn meta() -> DirectoryMeta {
        DirectoryMeta {
            directory_id: Uuid::from_u128(7),
            cluster_id: "cluster".into(),
            node_id: 3,
            starts: 4,
            founding: None,
            format: DirectoryMeta::FIRST_FORMAT,
        }
    }

    #[test]
    fn an_identity_survives_a_power_cut() {
        let disk = SimDisk::new(1);
        let directory = Path::new("data");
        assert!(DirectoryMeta::read(&disk, directory).unwrap().is_none());
        meta().write(&disk, directory).unwrap();
        disk.power_on();
        assert_eq!(DirectoryMeta::read(&disk, directory).unwrap(), Some(meta()));
        let founding = DirectoryMeta {
            founding: Some("{\"a\":1}".into()),
            ..meta()
        };
        founding.write(&disk, directory).unwrap();
        disk.power_on();
        assert_eq!(
            DirectoryMeta::read(&disk, directory).unwrap(),
            Some(founding)
        );
    }

    #[test]
    fn a_damaged_or_newer_identity_is_refused() {
        let good = meta().format();
        assert_eq!(DirectoryMeta::parse(&good), Ok(meta()));
        for at in 0..good.len() - 1 {
            let mut bytes = good.clone().into_bytes();
            bytes[at] ^= 1;
            let text = String::from_utf8(bytes).unwrap();
            DirectoryMeta::parse(&text).unwrap_err();
        }
        let newer = good
            .split_once(CRC_KEY)
            .unwrap()
            .0
            .replace("format=1", "format=3");
        let newer = format!("{newer}{CRC_KEY}{:08x}\n", crc32c::crc32c(newer.as_bytes()));
        let error = DirectoryMeta::parse(&newer).unwrap_err();
        assert_eq!(error, "written by a newer version of Ottla");
    }
}
