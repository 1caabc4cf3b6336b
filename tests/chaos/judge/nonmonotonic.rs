//! In one session a reader's offsets of a partition go on one by one: never back, and none is left out.

use std::collections::BTreeMap;

use super::Findings;
use crate::history::{Event, History, Partition, Reader};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("nonmonotonic polls");
    let mut last: BTreeMap<(Reader, Partition), (u16, i64)> = BTreeMap::new();
    for (index, event) in history.events.iter().enumerate() {
        let Event::Read {
            reader,
            session,
            partition,
            offset,
            ..
        } = *event
        else {
            continue;
        };
        let before = last.insert((reader, partition), (session, offset));
        if let Some((same, before)) = before
            && same == session
            && offset != before + 1
        {
            findings.add(|| {
                let during = history.circumstances(index);
                format!("{partition}: {reader} got {offset} after {before} ({during})")
            });
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::{PARTITION, READER, good_run, read, record};

    #[test]
    fn a_step_back_and_a_step_over_are_seen_and_a_new_session_is_free() {
        let mut run = good_run();
        let again = |session| Event::Read {
            reader: READER,
            session,
            partition: PARTITION,
            offset: 0,
            record: record(0),
        };
        run.events.push(again(1));
        assert_eq!(check(&run).count(), 0);
        run.events.push(again(1));
        assert_eq!(check(&run).count(), 1);
        run.events.push(read(READER, 1, record(1)));
        run.events.push(read(READER, 3, record(3)));
        assert_eq!(check(&run).count(), 2);
    }
}
