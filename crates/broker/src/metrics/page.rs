//! The text format of Prometheus, version 0.0.4.
//!
//! | line | form |
//! |---|---|
//! | help | `# HELP name text` |
//! | type | `# TYPE name counter`, `gauge` or `histogram` |
//! | sample | `name{label="value"} 1` |
//! | histogram | `name_bucket{le="0.1"} 2` with counts that add up, `le="+Inf"`, then `name_sum`, `name_count` |
//!
//! Invariant: the samples of a family stand together under its help and type, since a [`Family`]
//! borrows the page; two families of one name are a mistake of the program.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use super::histogram::Snapshot;

/// A page under construction.
#[derive(Debug, Default)]
pub struct Page {
    text: String,
    names: BTreeSet<&'static str>,
}

/// What the samples of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Observations by bucket.
    Histogram,
}

/// Samples of one name.
#[derive(Debug)]
pub struct Family<'a> {
    page: &'a mut Page,
    name: &'static str,
}

impl Page {
    /// Begins the samples of a name.
    pub fn family(&mut self, name: &'static str, kind: Type, help: &str) -> Family<'_> {
        debug_assert!(self.names.insert(name), "{name} is on the page already");
        debug_assert_eq!(kind == Type::Counter, name.ends_with("_total"), "{name}");
        let kind = match kind {
            Type::Counter => "counter",
            Type::Gauge => "gauge",
            Type::Histogram => "histogram",
        };
        self.line(format_args!("# HELP {name} {}", escape(help, false)));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { page: self, name }
    }

    /// A counter without labels.
    pub fn counter(&mut self, name: &'static str, help: &str, value: u64) {
        self.family(name, Type::Counter, help).sample(&[], value);
    }

    /// A gauge without labels.
    pub fn gauge(&mut self, name: &'static str, help: &str, value: impl Display) {
        self.family(name, Type::Gauge, help).sample(&[], value);
    }

    /// A histogram without labels.
    pub fn histogram(&mut self, name: &'static str, help: &str, snapshot: &Snapshot) {
        self.family(name, Type::Histogram, help)
            .histogram(&[], snapshot);
    }

    /// The page as it is sent.
    pub fn into_text(self) -> String {
        self.text
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }
}

impl Family<'_> {
    /// One sample. A float that is not finite has no place among these: leave its sample out.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) -> &mut Self {
        let name = self.name;
        self.write(name, labels, value);
        self
    }

    /// All samples of one histogram.
    pub fn histogram(&mut self, labels: &[(&str, &str)], snapshot: &Snapshot) -> &mut Self {
        let bounds = snapshot.bounds_seconds.iter().map(f64::to_string);
        let bounds = bounds.chain(["+Inf".to_owned()]);
        let bucket = format!("{}_bucket", self.name);
        let mut count = 0_u64;
        for (bound, here) in bounds.zip(&snapshot.counts) {
            count = count.saturating_add(*here);
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.write(&bucket, &labels, count);
        }
        self.write(&format!("{}_sum", self.name), labels, snapshot.sum_seconds);
        self.write(&format!("{}_count", self.name), labels, count);
        self
    }

    fn write(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        if labels.is_empty() {
            return self.page.line(format_args!("{name} {value}"));
        }
        let labels: Vec<_> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escape(value, true)))
            .collect();
        self.page
            .line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }
}

/// Escapes a help text, or a label's value, in which quotes count as well.
fn escape(text: &str, quotes: bool) -> Cow<'_, str> {
    if !text.contains(['\\', '\n', '"']) {
        return Cow::Borrowed(text);
    }
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    Cow::Owned(if quotes {
        text.replace('"', "\\\"")
    } else {
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_under_their_help_and_type() {
        let mut page = Page::default();
        page.counter("a_total", "Things.", 3);
        page.family("b", Type::Gauge, "Parts\nand \"more\".")
            .sample(&[("x", "1"), ("y", "q\"\\\n")], -2)
            .sample(&[("x", "2"), ("y", "")], 0.5);
        assert_eq!(
            page.into_text(),
            "# HELP a_total Things.\n\
             # TYPE a_total counter\n\
             a_total 3\n\
             # HELP b Parts\\nand \"more\".\n\
             # TYPE b gauge\n\
             b{x=\"1\",y=\"q\\\"\\\\\\n\"} -2\n\
             b{x=\"2\",y=\"\"} 0.5\n"
        );
    }

    #[test]
    fn buckets_of_a_histogram_add_up() {
        let snapshot = Snapshot {
            bounds_seconds: vec![0.0001, 1.0],
            counts: vec![2, 3, 4],
            sum_seconds: 12.5,
        };
        let mut page = Page::default();
        page.family("c_seconds", Type::Histogram, "Time.")
            .histogram(&[("api", "Fetch")], &snapshot);
        assert_eq!(
            page.into_text(),
            "# HELP c_seconds Time.\n\
             # TYPE c_seconds histogram\n\
             c_seconds_bucket{api=\"Fetch\",le=\"0.0001\"} 2\n\
             c_seconds_bucket{api=\"Fetch\",le=\"1\"} 5\n\
             c_seconds_bucket{api=\"Fetch\",le=\"+Inf\"} 9\n\
             c_seconds_sum{api=\"Fetch\"} 12.5\n\
             c_seconds_count{api=\"Fetch\"} 9\n"
        );
    }

    #[test]
    #[should_panic(expected = "a_total is on the page already")]
    fn a_name_is_not_given_twice() {
        let mut page = Page::default();
        page.counter("a_total", "Things.", 3);
        page.counter("a_total", "Others.", 3);
    }
}
