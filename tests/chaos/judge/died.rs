//! No broker ends unless it is killed or its disk fails.

use super::Findings;
use crate::history::History;

pub(super) fn check(history: &History) -> Findings {
    let mut findings = Findings::of("brokers that ended");
    for words in &history.deaths {
        findings.add(|| words.clone());
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::testing::good_run;

    #[test]
    fn a_broker_that_ended_by_itself_is_seen() {
        let mut run = good_run();
        run.deaths.push("broker 1 ended with 101".to_owned());
        assert_eq!(check(&run).count(), 1);
    }
}
