//! What a run says of itself: a line for each recovery that took long, and one at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::fault::Fault;
use crate::history::{History, Transfer};
use crate::judge::Findings;
use crate::plan::Plan;
use crate::record::Counts;
use crate::world::World;

/// A recovery that took longer is told.
const SLOW: Duration = Duration::from_secs(10);

/// What is counted for it.
pub(crate) struct Summary {
    plan: Plan,
    faults: BTreeMap<&'static str, u32>,
    recoveries: Vec<Duration>,
}

impl Summary {
    /// Nothing yet.
    pub(crate) fn new(plan: Plan) -> Summary {
        Summary {
            plan,
            faults: BTreeMap::new(),
            recoveries: Vec::new(),
        }
    }

    /// One more fault.
    pub(crate) fn count(&mut self, fault: &Fault) {
        *self.faults.entry(fault.name()).or_default() += 1;
    }

    /// How long it took until all went on; `None`: too long.
    pub(crate) fn recovered(&mut self, longest: Option<Duration>, after: &str) {
        self.recoveries.extend(longest);
        if longest.is_none_or(|longest| longest > SLOW) {
            println!("all went on after {longest:?}: {after}");
        }
    }

    /// The line at the end.
    pub(crate) fn print(
        &self,
        took: Duration,
        history: &History,
        counts: &Counts,
        world: &World,
        findings: &[Findings],
    ) {
        let Plan { nemesis, seed, .. } = self.plan;
        let minutes = took.as_secs_f64() / 60.0;
        let sent: u64 = history.sent.iter().sum();
        let refused: u64 = counts.refused.values().sum();
        let longest = self.recoveries.iter().max().copied().unwrap_or_default();
        let silence = history.silences_ms().into_iter().max().unwrap_or(0);
        let silence = Duration::from_millis(silence);
        let anomalies: u64 = findings.iter().map(Findings::count).sum();
        let Counts {
            acknowledged,
            unknown,
            reads,
            sessions,
            questions,
            answers,
            ..
        } = counts;
        let transfers = |is: fn(&Transfer) -> bool| {
            let all = history.transfers.iter();
            all.filter(|it| is(it)).count()
        };
        println!(
            "nemesis={} seed={seed} minutes={minutes:.1} faults: {}; {} recoveries, the longest {longest:.1?}; \
             a partition took nothing for {silence:.1?} at most; \
             records: {sent} sent, {acknowledged} acknowledged, {unknown} unknown, {refused} refused{}; \
             {reads} reads in {sessions} sessions{}; {questions} questions, {answers} answers; {} transactions begun, {} committed, {} aborted; \
             anomalies: {anomalies}",
            nemesis.name(),
            listed(&self.faults),
            self.recoveries.len(),
            in_brackets(&counts.refused),
            in_brackets(&counts.broken_sessions),
            transfers(|it| !it.partitions.is_empty()),
            transfers(|it| it.is_committed),
            transfers(|it| it.is_aborted),
        );
        if let Some(flips) = world.flips() {
            println!("{flips} bits were flipped on one disk, and nothing is damaged now");
        }
        if world.ended_by_disk() > 0 {
            println!(
                "{} times a broker ended because its disk failed",
                world.ended_by_disk()
            );
        }
    }
}

fn listed<K: std::fmt::Display, V: std::fmt::Display>(counts: &BTreeMap<K, V>) -> String {
    let words = counts.iter().map(|(what, count)| format!("{what} {count}"));
    words.collect::<Vec<_>>().join(", ")
}

fn in_brackets(counts: &BTreeMap<String, u64>) -> String {
    match counts.is_empty() {
        true => String::new(),
        false => format!(" ({})", listed(counts)),
    }
}
