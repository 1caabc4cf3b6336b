//! Once all transactions have ended, everything can be read by whoever reads what is committed.

use crate::history::History;

pub(super) fn check(history: &History) -> Vec<String> {
    history.unstable.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::good_run;

    #[test]
    fn what_keeps_readers_waiting_is_told() {
        let mut run = good_run();
        run.unstable.push("bank-0 is read up to 7 only".to_owned());
        assert_eq!(check(&run).len(), 1);
    }
}
