//! Readers get whole records that somebody sent, and no offset that they were given is taken back.

use super::Findings;
use crate::history::{Event, History};

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("corrupt or unreadable");
    for words in &history.damaged {
        findings.add(|| words.clone());
    }
    for event in &history.events {
        if let Event::Read {
            partition,
            offset,
            record,
            ..
        } = *event
            && history
                .sent
                .get(record.producer())
                .is_none_or(|sent| record.sequence() >= *sent)
        {
            findings.add(|| format!("{partition} at {offset}: nobody sent {record}"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Identity;
    use crate::judge::testing::{READER, good_run, read};

    #[test]
    fn a_record_that_nobody_sent_is_seen() {
        let mut run = good_run();
        run.events.push(read(READER, 4, Identity::new(0, 2)));
        assert_eq!(check(&run).count(), 0);
        run.events.push(read(READER, 5, Identity::new(0, 3)));
        assert_eq!(check(&run).count(), 1);
    }

    #[test]
    fn what_could_not_be_read_is_told() {
        let mut run = good_run();
        run.damaged.push("orders-0 at 3: not whole".to_owned());
        assert_eq!(check(&run).count(), 1);
    }
}
