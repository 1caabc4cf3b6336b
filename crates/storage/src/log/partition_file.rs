//! `partition.metadata`: who a partition folder belongs to, in Kafka's form with a line more, which
//! Kafka does not read.
//!
//! ```text
//! version: 0
//! topic_id: 3Db5QLSqSZieL3rJBUUegA
//! group_id: 17
//! ```

use std::io;
use std::path::Path;
use std::sync::Arc;

use ottla_platform::disk::{Disk, DiskFile, OpenMode};

use crate::{Identity, base64, small_file};

const FILE: &str = "partition.metadata";

/// Reads the identity of a folder; `None` if it has none. The partition number is the folder's
/// name to tell, so it is given. A damaged file is `InvalidData`.
pub(crate) fn read(disk: &dyn Disk, folder: &Path, partition: i32) -> io::Result<Option<Identity>> {
    let Some(bytes) = small_file::read(disk, &folder.join(FILE))? else {
        return Ok(None);
    };
    let parsed = parse(&String::from_utf8_lossy(&bytes), partition);
    let invalid = || io::Error::new(io::ErrorKind::InvalidData, format!("{FILE} is damaged"));
    parsed.ok_or_else(invalid).map(Some)
}

/// Writes the identity of a new folder; the file is to be synced.
pub(super) fn write(
    disk: &dyn Disk,
    folder: &Path,
    identity: &Identity,
) -> io::Result<Arc<dyn DiskFile>> {
    let file = disk.open(&folder.join(FILE), OpenMode::Truncate)?;
    file.write_all_at(format(identity).as_bytes(), 0)?;
    Ok(file)
}

fn format(identity: &Identity) -> String {
    let topic_id = base64::encode(&identity.topic_id);
    format!(
        "version: 0\ntopic_id: {topic_id}\ngroup_id: {}\n",
        identity.group_id
    )
}

fn parse(text: &str, partition: i32) -> Option<Identity> {
    let mut lines = text.lines();
    if lines.next()? != "version: 0" {
        return None;
    }
    Some(Identity {
        topic_id: base64::decode(lines.next()?.strip_prefix("topic_id: ")?)?,
        partition,
        group_id: lines.next()?.strip_prefix("group_id: ")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn the_file_begins_as_kafkas() {
        let identity = Identity {
            topic_id: Uuid::from_u128(1),
            partition: 4,
            group_id: 17,
        };
        let text = format(&identity);
        assert_eq!(
            text,
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\ngroup_id: 17\n"
        );
        assert_eq!(parse(&text, 4), Some(identity));
        for broken in ["", "version: 1\n", "version: 0\ntopic_id: x\ngroup_id: 1\n"] {
            assert_eq!(parse(broken, 4), None);
        }
    }
}
