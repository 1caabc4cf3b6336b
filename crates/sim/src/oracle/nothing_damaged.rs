//! A disk that flips no bits has at a start what it had synced.

use crate::history::History;

pub(super) fn check(history: &History) -> Vec<String> {
    history.damaged.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle::testing::good_run;

    #[test]
    fn what_was_damaged_is_told() {
        let mut run = good_run();
        run.damaged.push("t-0 is damaged".to_owned());
        assert_eq!(check(&run).len(), 1);
    }
}
