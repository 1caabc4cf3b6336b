//! Once nothing is broken any more, everything goes on within a time.

use crate::history::History;

pub(super) fn check(history: &History) -> Vec<String> {
    history.stuck.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::good_run;

    #[test]
    fn what_is_stuck_is_told() {
        let mut run = good_run();
        run.stuck.push("t-0 takes no records".to_owned());
        assert_eq!(check(&run).len(), 1);
    }
}
