//! Transactions that take too long are aborted; transactional ids that nobody uses are forgotten.

use ottla_statemachine::{Outbox, Timestamp};

use super::markers;
use super::producer::EPOCH_PER_TRANSACTION;
use crate::live::Live;
use crate::machine::{Input, Timer, Transactions};
use crate::record::Record;
use crate::state::{Phase, State};

/// Has both looked for from now on.
pub(crate) fn set_timers(hard: &State, now: Timestamp, out: &mut Outbox<Transactions>) {
    set(Timer::Abort, hard.config().abort_interval_ms, now, out);
    set(Timer::Expiry, hard.config().expiry_interval_ms, now, out);
}

fn set(timer: Timer, after_ms: i64, now: Timestamp, out: &mut Outbox<Transactions>) {
    let due = Timestamp(now.0.saturating_add(after_ms));
    out.set_timer(timer, due, Input::Timer(timer));
}

/// Aborts what takes longer than its producer said, and lets nobody wait any longer for what is being completed. What does not fit a batch is for the next look, at once.
pub(crate) fn abort_timed_out(
    hard: &State,
    live: &mut Live,
    now: Timestamp,
    out: &mut Outbox<Transactions>,
) {
    live.give_up_waiting(out);
    let is_late =
        |started_ms: i64, timeout_ms: i32| started_ms.saturating_add(i64::from(timeout_ms)) < now.0;
    let late = hard
        .iter()
        .filter(|(_, it)| it.phase == Phase::Ongoing && is_late(it.started_ms, it.timeout_ms));
    let mut rest_ms = hard.config().abort_interval_ms;
    let mut is_any_aborted = false;
    for (id, it) in late {
        // Values that are not flexible have no room for the version: the newest is read by all.
        let version = it.client_version.clamp(1, EPOCH_PER_TRANSACTION);
        match markers::fence(hard, id, version, live, now, out) {
            Ok(()) => is_any_aborted = true,
            Err(_) if is_any_aborted => {
                rest_ms = 0;
                break;
            }
            // No batch holds it; that is not to keep the others waiting.
            Err(_) => {}
        }
    }
    set(Timer::Abort, rest_ms, now, out);
}

/// Forgets ids that were not used for long.
pub(crate) fn expire(
    hard: &State,
    live: &mut Live,
    now: Timestamp,
    out: &mut Outbox<Transactions>,
) {
    let since_ms = now.0.saturating_sub(hard.config().id_expiration_ms);
    let idle = hard
        .iter()
        .filter(|(_, it)| it.phase.is_at_rest() && it.updated_ms <= since_ms);
    let mut rest_ms = hard.config().expiry_interval_ms;
    for (id, _) in idle {
        let tombstone = Record {
            transactional_id: id.to_owned(),
            value: None,
        };
        if !out.fits(std::slice::from_ref(&tombstone)) {
            rest_ms = 0;
            break;
        }
        out.record(tombstone);
        live.last_epochs.remove(id);
    }
    set(Timer::Expiry, rest_ms, now, out);
}
