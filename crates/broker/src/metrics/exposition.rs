//! Reads the text format of Prometheus as strictly as it is specified, for tests.

use std::collections::BTreeSet;

/// All samples as `name{labels}` and value; panics at whatever a scraper could trip over.
pub(crate) fn parse(text: &str) -> Vec<(String, f64)> {
    assert!(text.ends_with('\n'), "the last line ends");
    let mut families: BTreeSet<String> = BTreeSet::new();
    let mut series = BTreeSet::new();
    let mut samples = Vec::new();
    let mut family = String::new();
    let mut kind = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help has a text");
            assert!(!help.is_empty() && is_name(name), "{line}");
            assert!(families.insert(name.to_owned()), "{name} is there twice");
            let expected = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let (typed, as_what) = expected.and_then(|line| line.split_once(' ')).expect(line);
            assert_eq!(typed, name, "the type follows its help");
            assert!(
                ["counter", "gauge", "histogram"].contains(&as_what),
                "{as_what}"
            );
            (family, kind) = (name.to_owned(), as_what.to_owned());
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a sample has a value");
        let value: f64 = value.parse().expect("a value is a number");
        let (base, labels) = name.split_once('{').unwrap_or((name, ""));
        check_labels(labels);
        check_base(base, &family, &kind);
        assert!(kind == "gauge" || value >= 0.0, "{line}");
        assert!(series.insert(name.to_owned()), "{name} is there twice");
        samples.push((name.to_owned(), value));
    }
    check_histograms(&samples);
    samples
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn check_base(base: &str, family: &str, kind: &str) {
    let suffix = base
        .strip_prefix(family)
        .expect("a sample stands in its family");
    let allowed: &[&str] = match kind {
        "histogram" => &["_bucket", "_sum", "_count"],
        _ => &[""],
    };
    assert!(allowed.contains(&suffix), "{base} in {family}");
}

/// `a="b",c="d"}`, without what is before the brace.
fn check_labels(mut labels: &str) {
    while !labels.is_empty() {
        let (label, rest) = labels.split_once("=\"").expect("a label has a value");
        assert!(is_name(label), "{label}");
        let mut escaped = false;
        let end = rest.find(|character: char| {
            let ends = character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            ends
        });
        let rest = &rest[end.expect("a value ends") + 1..];
        if rest == "}" {
            return;
        }
        labels = rest.strip_prefix(',').expect("labels have commas between");
    }
}

/// Bounds rise, counts add up, and the last bucket holds everything.
fn check_histograms(samples: &[(String, f64)]) {
    let mut last: Option<(f64, f64)> = None;
    for (name, value) in samples {
        if let Some((_, bound)) = name.split_once("le=\"") {
            let bound = bound.trim_end_matches("\"}");
            let bound = bound.parse().expect("a bound is a number");
            if let Some((below, count)) = last {
                assert!(bound > below && *value >= count, "{name}");
            }
            last = Some((bound, *value));
        } else if name
            .split('{')
            .next()
            .is_some_and(|base| base.ends_with("_count"))
        {
            let (bound, count) = last.take().expect("buckets come before their count");
            assert!(bound.is_infinite() && count == *value, "{name}");
        }
    }
}
