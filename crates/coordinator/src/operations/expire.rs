//! What the timers of a group say. A timer may be late: what it was set for may be over.

use super::Turn;
use crate::live::{Member, Phase};

/// A member was silent for too long, or a pending member did not come.
pub(crate) fn expire_session(turn: &mut Turn<'_>, member_id: &str) {
    let pending = turn.group.pending_joins.contains(member_id);
    let member = turn.group.members.get(member_id);
    if member.is_some_and(Member::is_excused) || (member.is_none() && !pending) {
        return;
    }
    turn.remove(member_id);
    match turn.group.phase {
        Phase::Empty => {}
        Phase::PreparingRebalance { .. } if turn.group.all_joined() => turn.complete_join(),
        Phase::PreparingRebalance { .. } => {}
        // A pending member was in no generation.
        Phase::CompletingRebalance | Phase::Stable if pending => {}
        Phase::CompletingRebalance | Phase::Stable => turn.prepare_rebalance(),
    }
}

/// The join phase took its time.
pub(crate) fn expire_join(turn: &mut Turn<'_>) {
    if matches!(turn.group.phase, Phase::PreparingRebalance { .. }) {
        turn.complete_join();
    }
}

/// The initial join phase took its delay: it goes on if someone came meanwhile and time is left.
pub(crate) fn extend_initial_rebalance(turn: &mut Turn<'_>, delay_ms: i64, remaining_ms: i64) {
    let Phase::PreparingRebalance {
        initial: true,
        new_member_added,
    } = &mut turn.group.phase
    else {
        return;
    };
    if *new_member_added && remaining_ms != 0 {
        *new_member_added = false;
        let next_delay_ms = i64::from(turn.config.initial_rebalance_delay_ms).min(remaining_ms);
        turn.set_initial_delay(next_delay_ms, (remaining_ms - delay_ms).max(0));
    } else {
        turn.complete_join();
    }
}

/// The sync phase of a generation took its time: who did not ask for its assignment is out.
pub(crate) fn expire_sync(turn: &mut Turn<'_>, generation: i32) {
    let awaited = match turn.group.phase {
        Phase::CompletingRebalance | Phase::Stable => turn.group.generation == generation,
        Phase::Empty | Phase::PreparingRebalance { .. } => false,
    };
    if !awaited || turn.group.pending_syncs.is_empty() {
        return;
    }
    for member_id in std::mem::take(&mut turn.group.pending_syncs) {
        turn.remove(&member_id);
    }
    turn.prepare_rebalance();
}
