//! Whoever reads an offset, whenever, finds the same record there.

use super::Findings;
use crate::history::{Event, History, Identity, Reader};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("inconsistent offsets");
    // By partition and offset: who read it first, and what.
    let mut first: Vec<Vec<Option<(Identity, Reader)>>> = vec![Vec::new(); history.ends.len()];
    for (index, event) in history.events.iter().enumerate() {
        let Event::Read {
            reader,
            partition,
            offset,
            record,
            ..
        } = *event
        else {
            continue;
        };
        let first = &mut first[partition.index()];
        let place = usize::try_from(offset).expect("offsets are not negative");
        if first.len() <= place {
            first.resize(place + 1, None);
        }
        let (known, by) = *first[place].get_or_insert((record, reader));
        if known != record {
            findings.add(|| {
                let during = history.circumstances(index);
                format!("{partition} at {offset}: {reader} read {record}, {by} had read {known} ({during})")
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{READER, good_run, read, record};

    #[test]
    fn another_record_at_an_offset_that_was_read_is_seen() {
        let mut run = good_run();
        run.events.push(read(READER, 1, record(1)));
        assert_eq!(check(&run).count(), 0);
        run.events.push(read(READER, 1, record(2)));
        assert_eq!(check(&run).count(), 1);
    }
}
