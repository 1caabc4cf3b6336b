//! Waiting until everything goes on: each partition takes a record, and each reader gets it.

use std::time::{Duration, Instant};

use crate::history::Recovery;
use crate::judge::STUCK_AFTER;
use crate::readers::READERS;
use crate::record::{Progress, Record};

/// How often it is looked.
const PACE: Duration = Duration::from_millis(20);
/// Beyond the time allowed nothing is waited for; the checker tells what is missing.
const WITHIN: Duration = Duration::from_secs(STUCK_AFTER.as_secs() + 1);

/// Waits, and says how long each partition and each reader took.
pub(crate) async fn wait_until_all_goes_on(record: &Record, after: String) -> Recovery {
    let began = Instant::now();
    let before = record.progress();
    // By partition: the offset behind the record that proves it.
    let mut goals: Vec<Option<i64>> = vec![None; before.len()];
    let mut recovery = Recovery {
        after,
        writes: vec![None; before.len()],
        reads: vec![vec![None; before.len()]; usize::from(READERS)],
    };
    while began.elapsed() < WITHIN {
        let now = record.progress();
        let took_ms = u64::try_from(began.elapsed().as_millis()).expect("it is a minute");
        for (place, (before, now)) in before.iter().zip(&now).enumerate() {
            if goals[place].is_none() && now.acknowledged > before.acknowledged {
                goals[place] = Some(now.end);
                recovery.writes[place] = Some(took_ms);
            }
            note_readers(&mut recovery, place, goals[place], now, took_ms);
        }
        if recovery.reads.iter().flatten().all(Option::is_some) {
            break;
        }
        tokio::time::sleep(PACE).await;
    }
    recovery
}

fn note_readers(
    recovery: &mut Recovery,
    place: usize,
    goal: Option<i64>,
    now: &Progress,
    took_ms: u64,
) {
    let Some(goal) = goal else {
        return;
    };
    for (reader, next) in now.read.iter().enumerate() {
        if *next >= goal {
            recovery.reads[reader][place].get_or_insert(took_ms);
        }
    }
}

/// The longest that anything took; `None` if something never came.
pub(crate) fn longest(recovery: &Recovery) -> Option<Duration> {
    let reads = recovery.reads.iter().flatten();
    let all = recovery.writes.iter().chain(reads).copied();
    let longest: Option<Vec<u64>> = all.collect();
    longest.map(|all| Duration::from_millis(all.into_iter().max().unwrap_or(0)))
}
