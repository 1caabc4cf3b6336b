//! A word now and then for whoever waits, if somebody looks.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Before it nobody wonders.
const FIRST_AFTER: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_secs(1);
/// Records between two looks at the clock.
const LOOK_EVERY: u64 = 1024;

/// Counts records and bytes, and tells of them on standard error if that is a terminal.
pub(crate) struct Progress {
    started: Instant,
    next: Instant,
    records: u64,
    bytes: u64,
    is_watched: bool,
    has_told: bool,
}

impl Progress {
    /// Begins to count. A person who types needs no progress: `is_interactive`.
    pub(crate) fn start(is_interactive: bool) -> Self {
        let now = Instant::now();
        Progress {
            started: now,
            next: now + FIRST_AFTER,
            records: 0,
            bytes: 0,
            is_watched: io::stderr().is_terminal() && !is_interactive,
            has_told: false,
        }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.records += 1;
        self.bytes += bytes as u64;
        if self.is_watched && self.records.is_multiple_of(LOOK_EVERY) {
            self.tell(Instant::now());
        }
    }

    fn tell(&mut self, now: Instant) {
        if now < self.next {
            return;
        }
        self.next = now + EVERY;
        self.has_told = true;
        let text = text(self.records, self.bytes, now - self.started);
        // Over the line before. If nobody can read it, that is no reason to stop.
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }

    /// Ends the line of progress, if there is one.
    pub(crate) fn finish(&mut self) {
        if self.has_told {
            let text = text(self.records, self.bytes, self.started.elapsed());
            let _ = writeln!(io::stderr(), "\r\x1b[K{text}");
        }
    }
}

fn text(records: u64, bytes: u64, elapsed: Duration) -> String {
    let mib = bytes as f64 / (1024.0 * 1024.0);
    let seconds = elapsed.as_secs_f64().max(0.001);
    format!(
        "{records} records, {mib:.1} MiB, {:.0} records/s, {:.1} MiB/s",
        records as f64 / seconds,
        mib / seconds
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_has_totals_and_rates() {
        let told = text(2000, 4 * 1024 * 1024, Duration::from_secs(2));
        assert_eq!(told, "2000 records, 4.0 MiB, 1000 records/s, 2.0 MiB/s");
    }
}
