//! What has been compared, and what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ottla_protocol::api::{ApiKey, ApiSpec};

use crate::allowed::Use;
use crate::compare::Comparison;

/// More kinds of differences of one scenario are not shown.
const SHOWN_MAX: usize = 60;

/// Counts of one API.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) versions: BTreeSet<i16>,
    pub(crate) exchanges: usize,
    pub(crate) fields: usize,
}

/// Differences of one kind: API or frame, field, what Kafka and what Ottla said.
type Kind = (String, String, String, String);

/// Where differences of one kind were seen.
#[derive(Clone)]
struct Seen {
    versions: BTreeSet<i16>,
    first_path: String,
    count: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Findings {
    pub(crate) counts: BTreeMap<ApiKey, Counts>,
    /// Exchanges of frames that are no request.
    pub(crate) raw: usize,
    pub(crate) allowed: BTreeSet<Use>,
    differences: BTreeMap<Kind, Seen>,
}

impl Findings {
    pub(crate) fn add(&mut self, api: ApiKey, version: i16, comparison: Comparison) {
        let counts = self.counts.entry(api).or_default();
        counts.versions.insert(version);
        counts.exchanges += 1;
        counts.fields += comparison.fields;
        self.keep(api.spec().name, version, comparison);
    }

    pub(crate) fn add_raw(&mut self, what: &str, comparison: Comparison) {
        self.raw += 1;
        self.keep(what, 0, comparison);
    }

    fn keep(&mut self, what: &str, version: i16, comparison: Comparison) {
        self.allowed.extend(comparison.allowed);
        for one in comparison.differences {
            let kind = (what.to_owned(), one.pattern, one.kafka, one.ottla);
            let seen = self.differences.entry(kind).or_insert_with(|| Seen {
                versions: BTreeSet::new(),
                first_path: one.path,
                count: 0,
            });
            seen.versions.insert(version);
            seen.count += 1;
        }
    }

    /// Adds those of another scenario.
    pub(crate) fn merge(&mut self, other: Findings) {
        for (api, counts) in other.counts {
            let sum = self.counts.entry(api).or_default();
            sum.versions.extend(counts.versions);
            sum.exchanges += counts.exchanges;
            sum.fields += counts.fields;
        }
        self.raw += other.raw;
        self.allowed.extend(other.allowed);
    }

    /// The differences that nothing allows, as text; nothing when there are none.
    pub(crate) fn complaint(&self) -> Option<String> {
        let mut text = String::new();
        for ((what, _, kafka, ottla), seen) in self.differences.iter().take(SHOWN_MAX) {
            let Seen {
                versions,
                first_path,
                count,
            } = seen;
            let versions: Vec<String> = versions.iter().map(i16::to_string).collect();
            let versions = versions.join(",");
            writeln!(
                text,
                "{what} v{versions}: {first_path} ({count} times)\n    Kafka: {kafka}\n    Ottla: {ottla}"
            )
            .expect("writing to a String does not fail");
        }
        let count = self.differences.len();
        (count > 0).then(|| format!("{count} kinds of differences that nothing allows\n{text}"))
    }

    /// Versions that are served and were never compared.
    pub(crate) fn versions_left_out(&self, served: &[ApiSpec]) -> Vec<String> {
        let nothing = Counts::default();
        let left_out = |api: &ApiSpec| {
            let counts = self.counts.get(&api.key).unwrap_or(&nothing);
            let left: Vec<String> = (api.min..=api.max)
                .filter(|version| !counts.versions.contains(version))
                .map(|version| format!("{} v{version}", api.name))
                .collect();
            left
        };
        served.iter().flat_map(left_out).collect()
    }
}
