//! Kafka's own consumers, as members of one group, beside the load (`compat/java/GroupReaders.java`).

use std::path::PathBuf;
use std::time::Duration;

use ottla_tests::Tool;
use ottla_tests::process::Process;
use tempfile::TempDir;

/// Members of the group.
const MEMBERS: &str = "3";
/// How long they may take to read the rest.
const WITHIN: Duration = Duration::from_secs(360);

/// The group, in a process of its own.
pub(crate) struct Readers {
    process: Process,
    folder: TempDir,
}

impl Readers {
    /// Has them read a topic from its beginning.
    pub(crate) fn start(bootstrap: &str, topic: &str, seed: u64) -> Readers {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let process = Tool::java("GroupReaders")
            .args([bootstrap, topic, MEMBERS, &seed.to_string()])
            .arg(ends_file(&folder))
            .spawn(&folder.path().join("log"))
            .expect("Java runs");
        Readers { process, folder }
    }

    /// Says at once that they have ended, which they do not before they are told where.
    pub(crate) fn expect_to_run(&mut self) {
        if let Some(status) = self.process.ended() {
            panic!("the group's members: {status}: {}", self.process.log());
        }
    }

    /// Waits until they have read up to these offsets; nothing may be amiss.
    pub(crate) fn finish(mut self, ends: &[i64]) {
        let ends: Vec<String> = ends.iter().map(i64::to_string).collect();
        // Whole at once, since they look for it all the time.
        let draft = self.folder.path().join("draft");
        let moved = std::fs::write(&draft, ends.join(","))
            .and_then(|()| std::fs::rename(&draft, ends_file(&self.folder)));
        moved.expect("a temporary folder takes a file");
        let ended = self.process.wait(WITHIN);
        let log = self.process.log();
        let is_good = ended.is_some_and(|status| status.success());
        assert!(is_good, "the group's members: {ended:?}: {log}");
        println!(
            "three members of a group: {}",
            log.lines().last().unwrap_or_default()
        );
    }
}

fn ends_file(folder: &TempDir) -> PathBuf {
    folder.path().join("ends")
}
