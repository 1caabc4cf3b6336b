//! Where data directories lie, packed and not.

use std::path::{Path, PathBuf};
use std::process::Command;

use ottla_tests::Settings;
use ottla_tests::broker::Place;

/// Where the packed ones are.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("upgrade/data")
}

/// Each packed one.
pub(crate) fn archives() -> Vec<PathBuf> {
    let files = std::fs::read_dir(data()).expect("the folder is part of the tree");
    let files = files.map(|file| file.expect("it can be read").path());
    let mut archives: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|it| it == "gz"))
        .collect();
    archives.sort();
    archives
}

/// For a broker that works in a folder, and lets nothing become too old.
pub(crate) fn settings(folder: &Path) -> Settings {
    let place = Place {
        data: Some(folder.to_path_buf()),
        ..Place::default()
    };
    let settings = Settings {
        place,
        ..Settings::default()
    };
    settings
        .with("offsets.topic.num.partitions", "1")
        .with("transaction.state.log.num.partitions", "1")
        .with("log.cleaner.backoff.ms", "100")
        .with("log.retention.ms", "-1")
        .with("offsets.retention.minutes", "2147483647")
}

/// Packs a folder.
pub(crate) fn pack(folder: &Path, archive: &Path) {
    tar("--create", archive, folder);
}

pub(crate) fn unpack(archive: &Path, folder: &Path) {
    tar("--extract", archive, folder);
}

fn tar(what: &str, archive: &Path, folder: &Path) {
    let mut command = Command::new("tar");
    command
        .args([what, "--gzip", "--sparse", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(folder)
        .arg(".");
    let status = command.status().expect("tar can be run");
    assert!(status.success(), "{command:?}");
}
