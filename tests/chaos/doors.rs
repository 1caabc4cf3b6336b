//! The doors for faults of a program that was built with them (`crates/platform`, feature `faults`): a
//! folder for each broker with a file that says what is wrong, one setting in a line.

use std::path::PathBuf;
use std::time::Duration;

use ottla_tests::wait;
use tempfile::TempDir;

use crate::fault::BROKERS;

/// The variable that names the folder.
const VARIABLE: &str = "OTTLA_FAULTS";
/// What the program reads.
const CONTROL: &str = "control";
/// Where it says what it has read.
const SEEN: &str = "seen";
/// A change is seen within this time.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// All brokers' doors.
pub(crate) struct Doors {
    folder: TempDir,
    /// By broker: the lines, by name.
    lines: Vec<Vec<(&'static str, String)>>,
}

impl Doors {
    /// All closed.
    pub(crate) fn make() -> Result<Doors, String> {
        let folder = tempfile::tempdir();
        let folder = folder.map_err(|error| format!("no temporary folder: {error}"))?;
        let doors = Doors {
            folder,
            lines: vec![Vec::new(); BROKERS],
        };
        for broker in 0..BROKERS {
            let made = std::fs::create_dir(doors.of(broker));
            made.map_err(|error| format!("no folder for broker {broker}: {error}"))?;
            doors.write(broker)?;
        }
        Ok(doors)
    }

    /// A broker's environment.
    pub(crate) fn environment(&self, broker: usize) -> (String, String) {
        let folder = self.of(broker).display().to_string();
        (VARIABLE.to_owned(), folder)
    }

    /// Sets something for a broker.
    pub(crate) fn set(
        &mut self,
        broker: usize,
        name: &'static str,
        value: impl ToString,
    ) -> Result<(), String> {
        self.lines[broker].push((name, value.to_string()));
        self.write(broker)
    }

    /// Closes all.
    pub(crate) fn close(&mut self) -> Result<(), String> {
        self.lines.iter_mut().for_each(Vec::clear);
        (0..BROKERS).try_for_each(|broker| self.write(broker))
    }

    /// Fails if a broker that runs does not look at them: the program has none.
    pub(crate) fn check(&self) -> Result<(), String> {
        for broker in 0..BROKERS {
            let seen = self.of(broker).join(SEEN);
            wait::poll(SEEN_WITHIN, || seen.exists().then_some(())).ok_or(
                "the program has no doors for faults: OTTLA_BIN must be built with --features \
                 faults, as `cargo xtask prove chaos` does",
            )?;
        }
        Ok(())
    }

    /// Whole at once, since it is looked at all the time.
    fn write(&self, broker: usize) -> Result<(), String> {
        let lines = self.lines[broker].iter();
        let text: String = lines
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect();
        let folder = self.of(broker);
        let draft = folder.join("draft");
        std::fs::write(&draft, text)
            .and_then(|()| std::fs::rename(&draft, folder.join(CONTROL)))
            .map_err(|error| format!("cannot write {}: {error}", draft.display()))
    }

    fn of(&self, broker: usize) -> PathBuf {
        self.folder.path().join(broker.to_string())
    }
}
