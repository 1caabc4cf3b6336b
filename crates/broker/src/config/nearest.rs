//! The known name nearest to one that was mistyped.
//!
//! The distance counts single letters added, dropped, changed, and neighbours swapped (optimal
//! string alignment). A name is near if at most two in five of its letters differ.

/// The nearest of the names, the earlier of two equally near; none if even that is far.
pub(super) fn nearest<'a>(typed: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (distance(typed, name), name))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| distance * 5 <= typed.len().max(name.len()) * 2)
        .map(|(_, name)| name)
}

fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for i in 0..left.len() {
        let mut row = vec![i + 1];
        for j in 0..right.len() {
            let change = above[j] + usize::from(left[i] != right[j]);
            let mut best = change.min(above[j + 1] + 1).min(row[j] + 1);
            let swapped = i > 0 && j > 0 && left[i] == right[j - 1] && left[i - 1] == right[j];
            if swapped {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_slip_of_the_finger_counts_one() {
        for (left, right, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "abxc", 1),
            ("abc", "ac", 1),
            ("abc", "axc", 1),
            ("abc", "acb", 1),
            ("ca", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
            assert_eq!(distance(right, left), expected, "{right} {left}");
        }
    }

    #[test]
    fn what_is_far_is_not_suggested() {
        let names = || ["listeners", "log.dirs"].into_iter();
        assert_eq!(nearest("listener", names()), Some("listeners"));
        assert_eq!(nearest("log.dris", names()), Some("log.dirs"));
        assert_eq!(nearest("port", names()), None);
        assert_eq!(nearest("anything", [].into_iter()), None);
    }
}
