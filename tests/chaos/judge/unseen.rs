//! In the end each reader has seen every record that was acknowledged.

use super::Findings;
use crate::history::{Event, History, Reader};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("unseen records");
    if !history.is_read {
        return findings;
    }
    for reader in (0..history.readers).map(Reader) {
        let seen = offsets_of(history, reader);
        for event in &history.events {
            if let Event::Acknowledged {
                partition,
                record,
                offset,
            } = *event
                && seen[partition.index()].get(place(offset)) != Some(&true)
            {
                findings.add(|| format!("{partition}: {reader} never saw {record} at {offset}"));
            }
        }
    }
    findings
}

/// By partition and offset: whether the reader was there.
fn offsets_of(history: &History, reader: Reader) -> Vec<Vec<bool>> {
    let mut seen = vec![Vec::new(); history.ends.len()];
    for event in &history.events {
        if let Event::Read {
            reader: who,
            partition,
            offset,
            ..
        } = *event
            && who == reader
        {
            let (seen, place) = (&mut seen[partition.index()], place(offset));
            if seen.len() <= place {
                seen.resize(place + 1, false);
            }
            seen[place] = true;
        }
    }
    seen
}

fn place(offset: i64) -> usize {
    usize::try_from(offset).expect("offsets are not negative")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{READER, good_run, read, record};

    #[test]
    fn a_record_that_a_reader_never_got_is_seen() {
        let mut run = good_run();
        run.events
            .retain(|event| *event != read(READER, 2, record(2)));
        assert_eq!(check(&run).count(), 1);
    }
}
